// Backups is live while a drill is held.
import { follow } from "./live.js";

follow(document.querySelector("[data-live]"));
