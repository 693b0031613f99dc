// Node 20 lacks this; the local workflow engine needs it, and tests may load that engine directly.
import "#src/local/with-resolvers.js";
