// Publish is live while calls are gone through, and while something is being published.
import { follow } from "./live.js";

follow(document.querySelector("[data-live]"));
