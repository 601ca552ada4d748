// The picture: fits, zooms and moves by keys, wheel and drag; words on it can be clicked or framed.

const SVG = "http://www.w3.org/2000/svg";
const LARGEST = 6;
const ABOVE = 22; // pixels between a crop and the answer below it

function element(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** The words whose middle lies in `frame`, or that contain it when the frame is only a click. */
export function wordsIn(words, [x0, y0, x1, y1]) {
  return words.filter(({ box }) => {
    const [cx, cy] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    const inside = cx >= x0 && cx <= x1 && cy >= y0 && cy <= y1;
    return inside || (x0 >= box[0] && x1 <= box[2] && y0 >= box[1] && y1 <= box[3]);
  });
}

export function union(boxes) {
  const side = (pick, index) => pick(...boxes.map((box) => box[index]));
  return [side(Math.min, 0), side(Math.min, 1), side(Math.max, 2), side(Math.max, 3)];
}

export class Stage {
  constructor(root, { onMark }) {
    this.root = root;
    this.sheet = document.createElement("div");
    this.sheet.className = "sheet";
    root.replaceChildren(this.sheet);
    this.onMark = onMark;
    this.view = null;
    this.listen();
    new ResizeObserver(() => this.view && this.fit()).observe(root);
  }

  /** Show one view: `image` decoded, `view.crop` its place on the page, `words` that can be marked. */
  show(image, view, words, { focus = null, wholePage = false } = {}) {
    this.image = image;
    this.view = view;
    this.words = words;
    this.wholePage = wholePage;
    this.focusBox = focus;
    const size = { width: image.naturalWidth, height: image.naturalHeight };
    this.size = size;
    this.overlay = element("svg", { viewBox: `0 0 ${size.width} ${size.height}`, width: size.width, height: size.height, class: "overlay" });
    this.frame = element("rect", { class: "frame-mark", visibility: "hidden" });
    this.overlay.append(...words.map((word) => this.rect(word.box, "word")), this.frame);
    if (focus) this.overlay.prepend(this.rect(focus, "focus-box", 4));
    this.sheet.replaceChildren(image, this.overlay);
    this.fit();
  }

  /** Words that arrived after their picture. */
  addWords(words) {
    this.words = words;
    this.overlay.prepend(...words.map((word) => this.rect(word.box, "word")));
  }

  clear() {
    this.view = null;
    this.sheet.replaceChildren();
  }

  /** Page fractions to pixels of the picture, and back. */
  toPicture(box) {
    const [x0, y0, x1, y1] = this.view.crop;
    const [sx, sy] = [this.size.width / (x1 - x0), this.size.height / (y1 - y0)];
    return [(box[0] - x0) * sx, (box[1] - y0) * sy, (box[2] - x0) * sx, (box[3] - y0) * sy];
  }

  toPage([x, y]) {
    const [x0, y0, x1, y1] = this.view.crop;
    return [x0 + (x / this.size.width) * (x1 - x0), y0 + (y / this.size.height) * (y1 - y0)];
  }

  rect(box, name, margin = 0) {
    const [x0, y0, x1, y1] = this.toPicture(box);
    return element("rect", { x: x0 - margin, y: y0 - margin, width: x1 - x0 + 2 * margin, height: y1 - y0 + 2 * margin, class: name, rx: 2 });
  }

  fit() {
    const { clientWidth, clientHeight } = this.root;
    const wide = clientWidth / this.size.width;
    const whole = Math.min(wide, clientHeight / this.size.height);
    this.scale = Math.min(this.wholePage ? wide : whole, this.wholePage ? 1.4 : 2.4);
    this.least = Math.min(whole, this.scale) * 0.8;
    this.x = (clientWidth - this.size.width * this.scale) / 2;
    this.y = 0;
    this.place();
  }

  place() {
    const { clientWidth, clientHeight } = this.root;
    const clamp = (at, room, length) => (length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at)));
    this.x = clamp(this.x, clientWidth, this.size.width * this.scale);
    const height = this.size.height * this.scale;
    const free = clientHeight - height;
    if (free < 0) this.y = clamp(this.y, clientHeight, height);
    else this.y = this.wholePage ? 0 : Math.max(free / 2, free - ABOVE); // a crop stands directly above the input
    this.sheet.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }

  zoom(factor, at = [this.root.clientWidth / 2, this.root.clientHeight / 2]) {
    if (!this.view) return;
    const scale = Math.min(LARGEST, Math.max(this.least, this.scale * factor));
    this.x = at[0] - ((at[0] - this.x) * scale) / this.scale;
    this.y = at[1] - ((at[1] - this.y) * scale) / this.scale;
    this.scale = scale;
    this.place();
  }

  /** Move by a share of what is visible. Returns whether anything moved. */
  pan(dx, dy) {
    if (!this.view) return false;
    const before = [this.x, this.y];
    this.x -= dx * this.root.clientWidth;
    this.y -= dy * this.root.clientHeight;
    this.place();
    return before[0] !== this.x || before[1] !== this.y;
  }

  mark(box) {
    const [x0, y0, x1, y1] = this.toPicture(box);
    for (const [name, value] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0, visibility: "visible" })) this.frame.setAttribute(name, value);
  }

  unmark() {
    this.frame?.setAttribute("visibility", "hidden");
  }

  listen() {
    this.root.addEventListener("wheel", (event) => {
      if (!this.view) return;
      event.preventDefault();
      const { left, top } = this.root.getBoundingClientRect();
      if (event.ctrlKey) this.zoom(Math.exp(-event.deltaY / 300), [event.clientX - left, event.clientY - top]);
      else this.pan(event.deltaX / this.root.clientWidth, event.deltaY / this.root.clientHeight);
    }, { passive: false });
    this.root.addEventListener("pointerdown", (event) => this.begin(event));
  }

  picturePoint(event) {
    const { left, top } = this.root.getBoundingClientRect();
    return [(event.clientX - left - this.x) / this.scale, (event.clientY - top - this.y) / this.scale];
  }

  begin(event) {
    if (!this.view || event.button > 1) return;
    event.preventDefault();
    const moving = event.button === 1 || event.shiftKey;
    const start = moving ? [event.clientX, event.clientY] : this.toPage(this.picturePoint(event));
    let frame = [...start, ...start];
    const move = (next) => {
      if (moving) {
        this.pan((start[0] - next.clientX) / this.root.clientWidth, (start[1] - next.clientY) / this.root.clientHeight);
        start[0] = next.clientX;
        start[1] = next.clientY;
        return;
      }
      frame = union([[...start, ...start], [...this.toPage(this.picturePoint(next)), ...this.toPage(this.picturePoint(next))]]);
      this.mark(frame);
    };
    const end = () => {
      this.root.removeEventListener("pointermove", move);
      if (!moving) this.chosen(frame);
    };
    this.root.setPointerCapture(event.pointerId);
    this.root.addEventListener("pointermove", move);
    this.root.addEventListener("pointerup", end, { once: true });
  }

  chosen(frame) {
    const words = wordsIn(this.words, frame);
    const drawn = frame[2] - frame[0] > 0.004 && frame[3] - frame[1] > 0.002;
    if (!words.length && !drawn) {
      this.unmark();
      this.onMark(null);
      return;
    }
    const box = words.length ? union(words.map((word) => word.box)) : frame;
    this.mark(box);
    const text = words.every((word) => word.text) ? words.map((word) => word.text).join(" ") : "";
    this.onMark({ page: this.view.page, box: box.map((side) => Math.min(1, Math.max(0, side))), text });
  }
}
