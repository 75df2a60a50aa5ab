// The opacity of the masks; what lies over the images is chosen without scripts.
"use strict";

const slider = document.getElementById("opacity");

if (slider) {
  const show = () => document.documentElement.style.setProperty("--mask-opacity", slider.value / 100);
  slider.parentElement.hidden = false;
  slider.addEventListener("input", show);
  show();
}
