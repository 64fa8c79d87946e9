// What all pages do beside what they show. Each of them is whole without.
import { showTimes } from "./times.js";
import { offerCopies } from "./copy.js";
import { filterRows } from "./filter.js";
import { searchAsTyped } from "./search.js";
import { takeKeys } from "./keys.js";

showTimes(document);
offerCopies(document);
filterRows(document);
searchAsTyped(document);
takeKeys(document);
