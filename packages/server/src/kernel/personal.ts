/**
 * The mark of a value that tells something about a person. A marked string is still a string to the database and to
 * the wire, but the log and the metrics refuse it at compile time.
 */

declare const tells: unique symbol

/** A value that tells `What` about a user. */
export type Personal<Value, What extends string = string> = Value & { readonly [tells]: What }

/** Any marked value, whatever it tells. */
export type AnyPersonal = { readonly [tells]: string }

/**
 * The same type where nothing in it is marked, however deep; where something is, `never` stands in its place, so that a
 * value with it does not compile.
 */
export type Impersonal<Value> = Value extends AnyPersonal
  ? never
  : Value extends readonly (infer Item)[]
    ? readonly Impersonal<Item>[]
    : Value extends object
      ? { readonly [Key in keyof Value]: Impersonal<Value[Key]> }
      : Value

/** Names one user of one app: `[A-Za-z0-9_-]{1,64}`. */
export type RegistrationId = Personal<string, 'who the user is'>
export type Alias = Personal<string, 'the name that the customer gave the user'>
export type Tag = Personal<string, 'a group that the customer put the user in'>
/** A vendor's push token, or a Web Push endpoint. */
export type Token = Personal<string, 'the address of the device'>
/** One fact of a device: its model, language, time zone. */
export type Fact = Personal<string, 'a fact of the device'>
/** A network address. */
export type Address = Personal<string, 'where a call came from'>
