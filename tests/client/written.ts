// Never run: what parlance.d.ts declares against what parlance.js is. types.mjs lays copies of both beside it,
// in folders of their own, because a compiler looks at no module that has declarations.

import { Parlance as Declared, ParlanceError as DeclaredError } from "./declared/parlance.js";
import { Parlance as Written, ParlanceError as WrittenError } from "./written/parlance.js";

type Difference<One, Other> = [Exclude<One, Other>, Exclude<Other, One>];
type Nothing = [never, never];

// The same names,
export const names: Nothing = null as unknown as Difference<keyof Written, keyof Declared>;
export const ofErrors: Nothing = null as unknown as Difference<keyof WrittenError, keyof DeclaredError>;
// each with as many parameters (as a union: two mapped types would be compared by their arguments alone),
type Value = "user" | "status" | "outbox" | "cursors" | "presence";
type Count<Type, Name extends keyof Type> = Type[Name] extends (...args: infer Given) => unknown ? Required<Given>["length"] & number : -1;
type Counts<Type> = { [Name in Exclude<keyof Type & string, Value>]: `${Name} ${Count<Type, Name>}` }[Exclude<keyof Type & string, Value>];
export const counts: Nothing = null as unknown as Difference<Counts<Written>, Counts<Declared>>;
// and of a kind that a program made for the declarations can use.
export const written: Declared = null as unknown as Written;
export const error: DeclaredError = null as unknown as WrittenError;
