// The API reference: Swagger UI over openapi.js, with the APIs of this machine in front (deployment.js).
"use strict"
const note = document.getElementById("deployment")
const local = window.localServers

function code(text) {
  return Object.assign(document.createElement("code"), { textContent: text })
}

if (local.length) {
  note.append("Try it out sends requests to ", code(local[0].url), ". Choose Authorize and enter a key: ",
    code(`python deploy.py --env ${local[0].environment} --local --api-key`), " prints one.")
} else {
  note.append("No local deployment was found, so requests cannot be tried here. Start one with ", code("make run"),
    ", open this page by ", code("make docs-serve"), ", and reload it.")
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
