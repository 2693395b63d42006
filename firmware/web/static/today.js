// Today is live.
import { follow } from "./live.js";

follow(document.querySelector("[data-live]"));
