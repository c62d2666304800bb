"use strict";
// The page of the console. Text from orders, logs and queues reaches the document by textContent alone.

const POLL = 500; // milliseconds from one look at the run to the next
const RETRY = 2000; // after the console, not the emulator, did not answer
const REPORT_LOOKS = 120; // at the report of an import, one a POLL
const REDRAW = 5000; // of the dashboard
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);
const seen = { etag: "", step: 0, first: true, live: false };
const boxes = new Map(); // key of a box -> its elements
const arrows = []; // { source, target, element }
const rows = new Map(); // orderId -> { row, text }
const queues = new Map(); // name of a dead-letter queue -> its elements

history.replaceState(null, "", "/"); // the token leaves the address and the history

function make(tag, text = "", classes = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (classes) made.className = classes;
  return made;
}

function drawn(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

async function ask(path, fields) {
  const response = await fetch(`${path}?${new URLSearchParams(fields)}`);
  return { ok: response.ok, document: await response.json() };
}

async function tell(path, fields) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(fields),
  });
  return { ok: response.ok, document: await response.json() };
}

/** Run an action of a button, which is disabled meanwhile; show in `target` what fails. */
async function act(button, target, action) {
  button.disabled = true;
  try {
    await action();
  } catch {
    target.replaceChildren(make("p", "The console does not answer.", "wrong"));
  } finally {
    button.disabled = false;
    if (document.activeElement === document.body) button.focus(); // a disabled button loses it
  }
}

// ---- the state, live ----

async function poll() {
  if (document.hidden) return; // visibilitychange starts it again
  let pause = POLL;
  try {
    const response = await fetch("state", { cache: "no-store", headers: { "If-None-Match": seen.etag } });
    if (response.status === 200) {
      seen.etag = response.headers.get("ETag");
      show(await response.json());
    } else if (response.status !== 304) {
      throw new Error((await response.json()).error.message);
    }
  } catch (error) {
    pause = RETRY;
    seen.etag = "";
    live(false, "no answer");
    problem(error instanceof TypeError ? "The console has ended. Start it again and open its new address." : error.message);
  }
  clearTimeout(poll.timer);
  poll.timer = setTimeout(poll, pause);
}

function show(state) {
  problem(state.problem && `${state.problem.message}; ${state.problem.hint}`);
  live(!state.problem, state.problem ? "not connected" : "live");
  if (!state.orders) return;
  byId("environment").textContent = state.environment;
  byId("since").textContent = `Requests, invocations and events since ${clock(state.since)}; messages and items now.`;
  showKeys(state.keys);
  showBoxes(state.nodes);
  showOrders(state.orders);
  showQueues(state.letters);
  pulse(state.orders);
}

function live(on, text) {
  seen.live = on;
  byId("live").className = on ? "on" : "off";
  byId("live").textContent = text;
}

function problem(text) {
  byId("problem").textContent = text || "";
  byId("problem").hidden = !text;
}

function showKeys(keys) {
  const select = byId("key");
  const wanted = JSON.stringify(keys);
  if (select.dataset.keys === wanted) return;
  const chosen = select.value;
  select.dataset.keys = wanted;
  select.replaceChildren(...keys.map((key) => new Option(key.label, key.id)));
  if (keys.some((key) => key.id === chosen)) select.value = chosen;
}

// ---- the picture ----

function draw(picture) {
  const svg = drawn("svg", { viewBox: `0 0 ${picture.width} ${picture.height}`, role: "img", "aria-label": "Pipeline of orders" });
  const list = make("ul");
  list.id = "boxes";
  for (const arrow of picture.arrows) {
    const [x1, y1, x2, y2] = arrow.line;
    const across = Math.sign(x2 - x1);
    const down = Math.sign(y2 - y1);
    const group = drawn("g", { class: "arrow" });
    group.append(drawn("line", { x1, y1, x2: x2 - 7 * across, y2: y2 - 7 * down }));
    const corner = (side) => `${x2 - 9 * across + side * 4.5 * down},${y2 - 9 * down + side * 4.5 * across}`;
    group.append(drawn("polygon", { class: "head", points: `${x2},${y2} ${corner(-1)} ${corner(1)}` }));
    arrows.push({ ...arrow, element: group });
    svg.append(group);
  }
  for (const box of picture.boxes) {
    const middle = (box.left + box.right) / 2;
    const height = (box.top + box.bottom) / 2;
    const group = drawn("g", { class: box.stack });
    group.append(drawn("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top, rx: 6 }));
    group.append(drawn("text", { class: "title", x: middle, y: height - 4 }, box.title));
    const count = drawn("text", { class: "detail", x: middle, y: height + 13 }, box.detail);
    group.append(count);
    svg.append(group);
    const item = make("li", "", box.stack);
    const said = make("span", box.detail);
    item.append(make("b", box.title), said);
    list.append(item);
    boxes.set(box.key, { group, item, counts: [count, said] });
  }
  byId("picture").replaceChildren(svg, list);
}

function showBoxes(nodes) {
  for (const [key, node] of Object.entries(nodes)) {
    const box = boxes.get(key);
    if (!box) continue;
    for (const count of box.counts) count.textContent = node.text;
    box.counts[0].setAttribute("class", "count");
    box.group.classList.toggle("alarm", Boolean(node.alarm));
    box.item.classList.toggle("alarm", Boolean(node.alarm));
  }
}

/** Light up where orders have come since the last look, and the arrows between. */
function pulse(orders) {
  const reached = new Set();
  let last = seen.step;
  for (const order of orders) {
    const fresh = order.steps.filter((step) => step.number > seen.step);
    for (const step of fresh) {
      reached.add(step.node).add(nodeOf(step.source));
      last = Math.max(last, step.number);
    }
    if (fresh.length && !seen.first) flash(rows.get(order.orderId).row, "fresh");
  }
  seen.step = last;
  if (!seen.first) {
    for (const key of reached) {
      const box = boxes.get(key);
      if (box) for (const element of [box.group, box.item]) flash(element, "pulse");
    }
    for (const arrow of arrows) {
      if (reached.has(arrow.source) && reached.has(arrow.target)) flash(arrow.element, "pulse");
    }
  }
  seen.first = false;
}

function nodeOf(source) {
  if (source === "api-access") return "OrdersApi";
  return source.replace(/(^|-)([a-z])/g, (match, dash, letter) => letter.toUpperCase()) + "Function";
}

function flash(element, name) {
  element.classList.add(name);
  setTimeout(() => element.classList.remove(name), 700);
}

// ---- orders ----

function showOrders(orders) {
  byId("no-orders").hidden = orders.length > 0;
  byId("orders-count").textContent = orders.length ? `the latest ${orders.length}` : "";
  const list = byId("order-list");
  for (const [id, { row }] of rows) {
    if (!orders.some((order) => order.orderId === id)) {
      row.remove();
      rows.delete(id);
    }
  }
  orders.forEach((order, index) => {
    const text = JSON.stringify(order);
    let known = rows.get(order.orderId);
    if (!known) {
      known = { row: make("li"), text: "" };
      rows.set(order.orderId, known);
    }
    if (known.text !== text) {
      fill(known.row, order);
      known.text = text;
    }
    if (list.children[index] !== known.row) list.insertBefore(known.row, list.children[index] || null);
  });
}

function fill(row, order) {
  const open = row.querySelector("details")?.open;
  const focus = row.contains(document.activeElement) ? document.activeElement.dataset.focus : "";
  const first = make("time", clock(order.steps[0].time));
  const id = make("div", "", "cell id");
  id.append(make("code", order.orderId));
  const rejected = order.steps.some((step) => step.message === "message rejected");
  const status = order.status || (rejected ? "rejected" : "accepted");
  const state = make("div", "", "state");
  state.append(make("span", status.replaceAll("_", " "), `badge ${status}`));
  const total = make("div", order.totalAmount === undefined ? "" : order.totalAmount.toFixed(2), "total");
  const customer = make("div", order.customerId || "", "cell customer");
  if (order.partner) customer.append(make("span", ` of ${order.partner}`, "quiet"));
  row.replaceChildren(first, id, customer, state, total, actions(order), trace(order, open));
  if (focus) row.querySelector(`[data-focus="${focus}"]`)?.focus();
}

function actions(order) {
  const group = make("div", "", "actions");
  const add = (text, name, action) => {
    const button = make("button", text, "small");
    button.dataset.focus = name;
    button.addEventListener("click", () => act(button, byId("answer"), action));
    group.append(button);
  };
  for (const status of order.next) {
    add(status.replaceAll("_", " "), status, async () => {
      const fields = { key: byId("key").value, orderId: order.orderId, version: order.version, status };
      showAnswer(await tell("status", fields), true);
    });
  }
  if (order.status) {
    add("read", "read", async () => {
      showAnswer(await ask("order", { key: byId("key").value, orderId: order.orderId }), true);
    });
  }
  return group;
}

/** The summary says where the order was, and how long after the first step; the table has all steps. */
function trace(order, open) {
  const details = make("details");
  details.open = Boolean(open);
  const summary = make("summary");
  summary.dataset.focus = "trace";
  const start = order.steps[0].time;
  let before = "";
  for (const step of order.steps) {
    if (step.node === before) continue;
    if (before) summary.append(" → ");
    summary.append(make("b", title(step.node), step.failed ? "bad" : ""), ` ${after(step.time - start)}`);
    before = step.node;
  }
  const table = make("table", "", "steps");
  table.createTHead().append(cells("th", ["", "by", "what", "", "is in"]));
  const body = table.createTBody();
  for (const step of order.steps) {
    const line = cells("td", [after(step.time - start), step.source, step.message, step.detail, title(step.node)]);
    line.cells[0].className = "after";
    line.className = step.failed ? "bad" : "";
    body.append(line);
  }
  details.append(summary, table);
  return details;
}

function cells(tag, texts) {
  const row = make("tr");
  row.append(...texts.map((text) => make(tag, text)));
  return row;
}

function title(node) {
  return boxes.get(node)?.group.querySelector(".title").textContent || node;
}

function after(milliseconds) {
  return milliseconds < 1000 ? `+${Math.round(milliseconds)} ms` : `+${(milliseconds / 1000).toFixed(1)} s`;
}

function clock(time) {
  return new Date(time).toLocaleTimeString("en-GB");
}

/** Show an answer of the API, or a failure of the console itself. */
function showAnswer({ ok, document: said }, visible = false) {
  const target = byId("answer");
  if (!ok) return showFailure(target, said.error);
  const good = said.status >= 200 && said.status < 300;
  const line = make("p", `${said.method} ${said.path} `);
  line.append(make("span", said.status ? String(said.status) : "no answer", good ? "ok" : "wrong"));
  target.replaceChildren(line);
  if (said.statuses) target.append(make("p", `answers: ${said.statuses.join(", ")}`, "quiet"));
  if (said.error) {
    target.append(make("p", `${said.error.code}: ${said.error.message}`));
    const list = make("ul");
    list.append(...(said.error.details || []).map((detail) => make("li", String(detail))));
    target.append(list);
  } else {
    target.append(make("pre", JSON.stringify(said.document, null, 2)));
  }
  if (said.requestId) target.append(make("p", `request ${said.requestId}`, "quiet"));
  if (visible) target.scrollIntoView({ block: "nearest" });
}

function showFailure(target, error) {
  target.replaceChildren(make("p", error.message, "wrong"), make("p", error.hint || "", "quiet"));
}

function setUpOrders(examples) {
  const select = byId("example");
  select.replaceChildren(...Object.keys(examples).map((name) => new Option(name, name)));
  select.value = "order.json";
  const fillIn = () => { byId("order").value = JSON.stringify(examples[select.value], null, 2); };
  select.addEventListener("change", fillIn);
  fillIn();
  byId("order-form").addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.submitter, byId("answer"), placeOrder);
  });
  for (const name of ["random", "conflict"]) {
    byId(name).addEventListener("click", () => act(byId(name), byId("answer"), async () => {
      showAnswer(await tell(name, { key: byId("key").value }));
    }));
  }
}

async function placeOrder() {
  let order;
  byId("order-problem").hidden = true;
  try {
    order = JSON.parse(byId("order").value);
  } catch (error) {
    byId("order-problem").textContent = `Not JSON: ${error.message}`;
    byId("order-problem").hidden = false;
    return;
  }
  const how = document.querySelector("input[name=how]:checked").value;
  showAnswer(await tell("orders", { key: byId("key").value, how, order }));
}

// ---- dead letters ----

function showQueues(found) {
  for (const queue of found) {
    const known = queues.get(queue.name) || addQueue(queue.name);
    const number = queue.waiting + queue.inFlight;
    known.count.textContent = number ? `${number} message${number === 1 ? "" : "s"}` : "empty";
    known.count.className = number ? "badge full" : "quiet";
    known.redrive.hidden = !number || Boolean(queue.remedy);
    if (queue.remedy) known.said.textContent = number ? `Cannot be redriven: ${queue.remedy}` : "";
    known.number = number;
    if (number !== known.listed) list(queue.name, known);
  }
}

function addQueue(name) {
  const queue = make("div", "", "queue");
  const head = make("div", "", "queue-head");
  const known = { count: make("span"), redrive: make("button", "Redrive…", "small"), said: make("span", "", "quiet"), letters: make("div"), messages: [], number: 0, listed: 0 };
  known.said.setAttribute("role", "status");
  known.redrive.addEventListener("click", () => act(known.redrive, known.said, () => redrive(name, known)));
  head.append(make("h3", title(name)), known.count, known.redrive, known.said);
  queue.append(head, known.letters);
  byId("letter-queues").append(queue);
  queues.set(name, known);
  return known;
}

/** Read the messages and their reasons: SQS hides them from others for the moment that takes. */
async function list(name, known) {
  known.listed = known.number;
  if (!known.number) return known.letters.replaceChildren();
  try {
    const { ok, document: said } = await ask("dead-letters", { queue: name });
    if (!ok) {
      known.listed = -1;
      return showFailure(known.letters, said.error);
    }
    known.messages = said.messages;
    known.letters.replaceChildren(...said.messages.map((message) => letter(name, message)));
  } catch {
    known.listed = -1; // the next look tries again
  }
}

function letter(queue, message) {
  const item = make("div", "", "letter");
  const why = make("p", "");
  why.append(make("b", message.reason), message.detail ? `: ${message.detail}` : "");
  const orders = message.orderIds.filter(Boolean).join(", ") || "without an id";
  const facts = make("p", `${clock(message.sent)} · order ${orders} · receive count ${message.receiveCount} · ${message.bytes} bytes `, "quiet");
  const button = make("button", "Show body", "small");
  button.addEventListener("click", () => act(button, facts, async () => {
    const shown = item.querySelector("pre");
    if (shown) {
      shown.remove();
      button.textContent = "Show body";
      return;
    }
    const { ok, document: said } = await ask("dead-letter", { queue, message: message.messageId });
    item.append(make("pre", ok ? said.body : said.error.message));
    button.textContent = "Hide body";
  }));
  facts.append(button);
  item.append(why, facts);
  return item;
}

async function redrive(name, known) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = `Redrive ${title(name)}?`;
  const rejected = known.messages.some((message) => message.rejected);
  byId("confirm-text").textContent = `About ${known.number} message${known.number === 1 ? " goes" : "s go"} back to where `
    + `${known.number === 1 ? "it" : "they"} came from.${rejected ? " What was rejected permanently returns at once unless its cause is fixed." : ""}`;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "yes") return;
  known.said.textContent = "moving…";
  const { ok, document: said } = await tell("redrive", { queue: name });
  const left = ok && (said.kept || said.duplicated) ? `; ${said.kept} not sent, ${said.duplicated} not deleted` : "";
  known.said.textContent = ok ? `moved ${said.moved} to ${title(said.to)}${left}` : `${said.error.message}; ${said.error.hint}`;
}

// ---- import ----

function setUpImport(files) {
  byId("file").replaceChildren(...files.map((name) => new Option(name, name)));
  byId("import-form").addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.submitter, byId("report"), upload);
  });
}

async function upload() {
  const target = byId("report");
  target.replaceChildren(make("p", "uploading…", "quiet"));
  const { ok, document: made } = await tell("upload", { file: byId("file").value });
  if (!ok) return showFailure(target, made.error);
  for (let looks = 0; looks < REPORT_LOOKS; looks += 1) {
    const { ok: answered, document: said } = await ask("report", made);
    if (!answered) return showFailure(target, said.error);
    showReport(target, made.key, said);
    if (said.final) return undefined;
    await new Promise((passed) => setTimeout(passed, POLL));
  }
  return target.append(make("p", "No final report yet: see the dead letters of the import.", "wrong"));
}

function showReport(target, key, { report, rejected }) {
  if (!report) return target.replaceChildren(make("p", `${key} is uploaded; waiting for its report…`, "quiet"));
  const line = make("p", `${key}: `);
  line.append(make("span", report.status, report.status === "completed" ? "ok" : "wrong"));
  line.append(` · ${report.read} read, ${report.queued} queued, ${report.rejected} rejected · ${report.durationMs} ms`);
  const list = make("ul");
  for (const each of rejected) {
    list.append(make("li", `record ${each.record}, line ${each.line}: ${each.reason} (${each.details.join("; ")})`));
  }
  if (report.fault) list.append(make("li", `reading ended early: ${JSON.stringify(report.fault)}`));
  target.replaceChildren(line, list);
}

// ---- dashboard ----

function setUpDashboard() {
  const frame = byId("dashboard");
  let inView = false;
  const fit = () => {
    const page = frame.contentDocument?.body; // not the root element, which is at least as high as the frame
    if (page && frame.src) byId("metrics-note").textContent = `drawn ${clock(Date.now())}`;
    if (page) frame.style.height = `${Math.max(page.getBoundingClientRect().height, 200)}px`;
  };
  const redraw = () => {
    if (inView && !document.hidden && seen.live) {
      if (frame.contentWindow && frame.src) frame.contentWindow.location.replace("dashboard");
      else frame.src = "dashboard";
    }
  };
  frame.addEventListener("load", fit);
  addEventListener("resize", fit);
  new IntersectionObserver((entries) => {
    inView = entries[entries.length - 1].isIntersecting;
    redraw();
  }, { rootMargin: "300px" }).observe(frame);
  setInterval(redraw, REDRAW);
}

async function start() {
  const { document: said } = await ask("start", {});
  draw(said.picture);
  setUpOrders(said.examples);
  setUpImport(said.files);
  setUpDashboard();
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
  await poll();
}

start().catch(() => problem("The console does not answer. Reload the page, or open the address that it has printed."));
