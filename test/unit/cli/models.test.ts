import { describe, expect, it } from "vitest";
import { scoreText } from "#src/cli/models.js";

const score = (dataset: string, label: string, mean: number) => ({ dataset, label, metric: "Dice", mean });

describe("scoreText", () => {
  it("names what a score is of: the label, the group of images, or neither where there is one", () => {
    expect(scoreText([])).toBe("-");
    expect(scoreText([score("MSD", "liver", 0.9)])).toBe("Dice 0.900");
    expect(scoreText([score("MSD", "liver", 0.9), score("MSD", "lesion", 0.5)])).toBe("Dice 0.900 liver, 0.500 lesion");
    const cameras = [score("Retina, CHASE_DB1", "vessel", 0.807), score("Retina, STARE", "vessel", 0.734)];
    expect(scoreText(cameras)).toBe("Dice 0.807 CHASE_DB1, 0.734 STARE");
    expect(scoreText([...cameras, score("Retina, STARE", "disc", 0.6)])).toBe(
      "Dice 0.807 CHASE_DB1 vessel, 0.734 STARE vessel, 0.600 STARE disc",
    );
  });
});
