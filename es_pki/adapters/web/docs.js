// Shows /openapi.json: queries with their roles and parameters, commands with their fields.
import { byId, element, table } from "./dom.js";

const COMMANDS = "/api/v1/commands/";

function typeOf(schema, schemas) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    const choices = schemas[name]?.enum;
    return choices ? choices.join(" | ") : name;
  }
  if (schema.anyOf) return schema.anyOf.map((part) => typeOf(part, schemas)).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {}, schemas)}`;
  if (schema.type === "object" && schema.additionalProperties) return `object of ${typeOf(schema.additionalProperties, schemas)}`;
  return schema.format ?? (schema.type ? [schema.type].flat().join(" or ") : "anything");
}

function fields(name, schemas) {
  const schema = schemas[name];
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {});
  return table(`Fields of ${name}`, [
    ["Field", ([field]) => element("code", {}, field)],
    ["Type", ([, value]) => typeOf(value, schemas)],
    ["", ([field, value]) => (required.has(field) ? "required" : value.default === undefined || value.default === null ? "optional" : `default ${JSON.stringify(value.default)}`)],
  ], rows);
}

const roles = (operation) =>
  operation.security ? `Roles: ${operation.security.flatMap((one) => Object.values(one).flat()).join(", ")}` : "Open to anyone";

function operation(method, path, described, schemas) {
  const parameters = (described.parameters ?? []).filter((parameter) => parameter.in !== "path").map((parameter) => `${parameter.name} (${typeOf(parameter.schema, schemas)})`);
  const reference = described.requestBody?.content["application/json"].schema.$ref;
  return element("article", { id: described.operationId },
    element("h3", {}, element("code", {}, `${method.toUpperCase()} ${path}`)),
    element("p", {}, described.summary, described.description ? ` ${described.description}` : ""),
    element("p", { class: "soft" }, roles(described), parameters.length ? ` · Parameters: ${parameters.join(", ")}` : ""),
    reference ? fields(reference.split("/").pop(), schemas) : null);
}

// Structures that commands' fields are made of, but not the commands themselves, nor mere choices.
function structures(schemas, commands) {
  const names = Object.keys(schemas).filter((name) => schemas[name].properties && !commands.has(name));
  return names.map((name) => element("article", {}, element("h3", {}, name), fields(name, schemas)));
}

function show(document) {
  const { paths, components: { schemas } } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, one]) => [method, path, one]));
  const commands = operations.filter(([, path]) => path.startsWith(COMMANDS));
  const names = new Set(commands.map(([, path]) => path.slice(COMMANDS.length)));
  byId("queries-list").replaceChildren(...operations.filter(([, path]) => !path.startsWith(COMMANDS)).map((one) => operation(...one, schemas)));
  byId("commands-list").replaceChildren(...commands.map((one) => operation(...one, schemas)), element("h2", {}, "Structures"), ...structures(schemas, names));
}

try {
  show(await (await fetch("/openapi.json")).json());
} catch {
  byId("message").textContent = "The API's description can't be had right now; load the page again.";
  byId("message").hidden = false;
}
