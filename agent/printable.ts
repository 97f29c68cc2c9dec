/**
 * Text that others wrote (an environment, a file, a znode), made safe to show: it can neither move a terminal's cursor, nor break a
 * line of log, nor hide what it says by turning the direction of writing.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Nearly all texts, and found out faster: a line of log is made for each call. */
const visible = /^[ -~]*$/;

const escape = (character: string): string => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`;

/** On one line, every invisible character as `\u001b`, and no longer than `most` characters. */
export const printable = (text: string, most = 500): string =>
  text.length <= most && visible.test(text)
    ? text
    : (text.length > most ? `${text.slice(0, most - 1)}…` : text).replace(unsafe, escape);

/** The same between quotation marks, for a message that names a value. */
export const quote = (text: string, most = 80): string => `"${printable(text, most)}"`;
