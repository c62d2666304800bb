// The menu of a narrow page, the search, and the keyboard's way into wide tables. Pages can be read without it.
"use strict"
document.documentElement.classList.add("js")
const root = document.documentElement.dataset.root

const menu = document.querySelector("button.menu")
menu.addEventListener("click", () => {
  menu.setAttribute("aria-expanded", String(menu.getAttribute("aria-expanded") !== "true"))
})

for (const each of document.querySelectorAll(".table, pre")) {
  if (each.scrollWidth > each.clientWidth) each.tabIndex = 0
}
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest" })

const input = document.querySelector(".search input")
const found = document.getElementById("found")
const MOST = 12
let index

function loadIndex() {
  index ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = `${root}search.js`
    script.onload = () => resolve(window.searchIndex.map(each => [...each, each.slice(1).join(" ").toLowerCase()]))
    script.onerror = reject
    document.head.append(script)
  })
  return index
}

// A section is found if it has every word; the more of its title the words are, the earlier it comes.
function rank(words, title, section, text) {
  if (!words.every(word => text.includes(word))) return 0
  const share = name => words.filter(word => name.toLowerCase().includes(word)).length / name.split(/\s+/).length
  return 1 + 4 * share(section) + share(title)
}

function excerpt(text, words) {
  const start = Math.max(0, text.toLowerCase().indexOf(words[0]) - 30)
  return (start ? "…" : "") + text.slice(start, start + 110)
}

async function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean)
  const sections = words.length ? await loadIndex() : []
  const ranked = sections
    .map(([url, title, section, text, all]) => ({ url, title, section, text, rank: rank(words, title, section, all) }))
    .filter(each => each.rank).sort((one, other) => other.rank - one.rank).slice(0, MOST)
  found.replaceChildren(...ranked.map((each, place) => {
    const link = Object.assign(document.createElement("a"), { href: root + each.url, tabIndex: -1 })
    const parts = [["strong", each.section], ["small", each.title], ["span", excerpt(each.text, words)]]
    link.append(...parts.map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text })))
    const item = Object.assign(document.createElement("li"), { role: "option", id: `found-${place}` })
    item.append(link)
    return item
  }))
  if (words.length && !ranked.length) {
    found.append(Object.assign(document.createElement("li"), { textContent: "Nothing found", className: "quiet" }))
  }
  show(words.length > 0)
  choose(0)
}

function show(open) {
  found.hidden = !open
  input.setAttribute("aria-expanded", String(open))
}

function choose(place) {
  const items = [...found.querySelectorAll("[role=option]")]
  items.forEach((item, number) => item.setAttribute("aria-selected", String(number === place)))
  items[place]?.scrollIntoView({ block: "nearest" })
  if (items[place]) input.setAttribute("aria-activedescendant", items[place].id)
  else input.removeAttribute("aria-activedescendant")
}

input.addEventListener("input", search)
input.addEventListener("focus", loadIndex, { once: true })
input.addEventListener("keydown", event => {
  const items = [...found.querySelectorAll("[role=option]")]
  const chosen = items.findIndex(item => item.getAttribute("aria-selected") === "true")
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step && items.length) {
    event.preventDefault()
    choose((chosen + step + items.length) % items.length)
  } else if (event.key === "Enter" && items[chosen]) {
    items[chosen].querySelector("a").click()
    show(false)
  } else if (event.key === "Escape") {
    show(false)
  }
})
document.addEventListener("keydown", event => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) return
  event.preventDefault()
  input.focus()
})
document.addEventListener("click", event => {
  if (!event.target.closest(".search")) show(false)
})
document.querySelector(".search").addEventListener("focusout", event => {
  if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) show(false)
})
