// The API reference: Swagger UI over openapi.js, with the APIs of this machine in front (deployment.js).
"use strict"
const note = document.getElementById("deployment")
const local = window.localServers

function code(text) {
  return Object.assign(document.createElement("code"), { textContent: text })
}

const closed = local.filter(({ origins }) => !origins.includes("*") && !origins.includes(location.origin))
if (!local.length) {
  note.append("No local deployment to try requests on. Start one with ", code("make run"), ", then open this page with ",
    code("make docs-serve"), ".")
} else {
  note.append("Choose Authorize and enter an API key: ",
    code(`python deploy.py --env ${local[0].environment} --local --api-key`), " prints one. Try it out then sends requests to ",
    code(local[0].url), local.length > 1 ? ", or to another of this machine under Servers, which has keys of its own." : ".")
}
for (const { environment, origins } of closed) {
  note.append(document.createElement("br"), `${environment} allows pages of ${origins.join(", ")} only. To try it here, set `,
    code('allowed_origins = ["*"]'), " in ", code(`environments/${environment}.toml`), " and deploy it again.")
}

const dark = window.matchMedia("(prefers-color-scheme: dark)")
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches)
dark.addEventListener("change", follow)
follow()

const servers = local.map(({ url, environment }) => ({ url, description: `${environment}, on this machine` }))
window.ui = window.SwaggerUIBundle({
  dom_id: "#reference",
  spec: { ...window.openapi, servers: [...servers, ...window.openapi.servers] },
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
})
