// The hall: lanes, queue and staff as they change.

import { live } from "../shared/live_part.js";

const NAMES = ["lane.changed", "staff.changed", "referral.opened", "referral.changed", "referral.decided"];

live(document.getElementById("live"), NAMES);
