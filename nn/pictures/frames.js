(() => {
  "use strict";

  function start(root) {
    const { pictures, tall, words, at } = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
    root.querySelector(".gradstep-controls").innerHTML = root.querySelector("[data-controls]").textContent;
    const image = root.querySelector("img");
    image.style.minWidth = tall.length ? "" : "720px"; // and scrolls sideways where that is too wide
    const said = root.querySelector(".gradstep-words");
    const slider = root.querySelector("input");
    const button = (name) => root.querySelector(`[data-go="${name}"]`);
    const last = pictures.length - 1;
    const isNarrow = matchMedia("(max-width: 600px)");
    let place = at;
    let playing = null;

    function show(wanted) {
      place = Math.min(Math.max(wanted, 0), last);
      image.src = (tall.length && isNarrow.matches ? tall : pictures)[place];
      image.alt = words[place];
      said.textContent = words[place];
      slider.value = String(place);
      slider.setAttribute("aria-valuetext", words[place]);
      for (const name of ["first", "back"]) button(name).disabled = place === 0;
      for (const name of ["forward", "last"]) button(name).disabled = place === last;
    }

    function pause() {
      clearInterval(playing);
      playing = null;
      button("play").textContent = "▶ Play";
    }

    /** From here to the last step, or from the start again; a step takes 0.4 s. */
    function play() {
      if (playing !== null) return pause();
      if (place === last) show(0);
      button("play").textContent = "❚❚ Pause";
      playing = setInterval(() => {
        if (!root.isConnected || place === last) pause();
        else show(place + 1);
      }, 400);
    }

    const moves = {
      first: () => show(0),
      back: () => show(place - 1),
      forward: () => show(place + 1),
      last: () => show(last),
    };
    const keys = { Home: "first", ArrowLeft: "back", ArrowRight: "forward", End: "last" };
    for (const [name, move] of Object.entries(moves)) {
      button(name).addEventListener("click", () => {
        pause();
        move();
        if (button(name).disabled) root.focus(); // the keyboard would be lost with a disabled button
      });
    }
    isNarrow.addEventListener("change", () => show(place));
    button("play").addEventListener("click", play);
    button("play").disabled = last === 0;
    slider.addEventListener("input", () => show(Number(slider.value)));
    const keyboard = root.matches("[data-alone] > *") ? document : root; // a page of nothing else needs no click first
    keyboard.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
      pause();
      moves[keys[event.key]]();
      event.preventDefault();
      event.stopPropagation(); // the notebook uses these keys, too
    });
    show(at);
  }

  const around = typeof outputOfCell === "undefined" ? document : outputOfCell;
  for (const root of around.querySelectorAll("[data-gradstep-frames]:not([data-ready])")) {
    root.setAttribute("data-ready", "");
    start(root);
  }
})();
