import { z } from "zod";

// Code made for each schema pays after thousands of documents. A command reads some tens, and ends.
z.config({ jitless: true });
