for (const chart of document.querySelectorAll("svg.chart")) {
  const dots = [...chart.querySelectorAll(".dot")];
  const hair = chart.querySelector(".hair");
  const notes = chart.parentElement.querySelector(".notes");
  const before = [...notes.childNodes];
  const clear = () => {
    dots.forEach((dot) => dot.classList.remove("on"));
    hair.classList.remove("on");
    notes.replaceChildren(...before);
  };
  chart.addEventListener("pointerleave", clear);
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
    const far = (dot) => Math.abs(dot.cx.baseVal.value - x);
    const nearest = dots.reduce((best, dot) => (far(dot) < far(best) ? dot : best)).cx.baseVal.value;
    const on = dots.filter((dot) => dot.cx.baseVal.value === nearest);
    dots.forEach((dot) => dot.classList.toggle("on", on.includes(dot)));
    hair.setAttribute("x1", nearest);
    hair.setAttribute("x2", nearest);
    hair.classList.add("on");
    notes.textContent = on.map((dot) => dot.textContent).join("  ");
  });
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
