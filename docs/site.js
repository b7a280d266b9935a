"use strict";
// What may be wider than the screen is scrolled by keyboard too. The theme puts tables into such boxes when it starts.

function reach() {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) box.tabIndex = 0;
}

new MutationObserver(reach).observe(document.body, { childList: true, subtree: true });
reach();
