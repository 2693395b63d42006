// The doctor's screen is live while it is at work; when it is done, all of it is asked for again.
import { follow } from "./live.js";

follow(document.querySelector("[data-live]"));
