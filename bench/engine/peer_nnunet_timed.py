"""`nnUNetv2_predict` itself, with the time inside its network written to the file NETWORK_SECONDS."""
import os
import sys
import time

from nnunetv2.inference import predict_from_raw_data as inference

seconds = 0.0
run_network = inference.nnUNetPredictor._internal_maybe_mirror_and_predict


def timed(self, tile):
    global seconds
    started = time.perf_counter()
    answer = run_network(self, tile)
    seconds += time.perf_counter() - started
    return answer


# Its worker processes start from this file too: they predict nothing.
if __name__ == "__main__":
    inference.nnUNetPredictor._internal_maybe_mirror_and_predict = timed
    inference.predict_entry_point()
    with open(os.environ["NETWORK_SECONDS"], "w") as file:
        file.write(str(seconds))
    sys.exit(0)
