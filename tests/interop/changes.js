/** Changes to a message of peer/bhttp.js, each a function from message to message. */
import { httpDate } from './peer/client.js';

export const having = (parts) => (m) => ({ ...m, ...parts });
export const edit = (f) => (m) => ({ ...m, fields: f(m.fields) });
export const adding = (name, value) => edit((fields) => [...fields, [name, value]]);
export const without = (name) => edit((fields) => fields.filter(([field]) => field !== name));
export const twice = (name) => edit((fields) =>
    [...fields, fields.find(([field]) => field === name)]);
/** Another value of a field, or what a function makes of the one it has. */
export const setting = (name, value) => edit((fields) => fields.map(([field, old]) =>
    (field === name ? [field, typeof value === 'function' ? value(old) : value] : [field, old])));

/** A date of HTTP, some seconds later. */
export const later = (seconds) => (date) => httpDate(Date.parse(date) / 1000 + seconds);
