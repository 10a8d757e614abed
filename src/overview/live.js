// Put a new overview into the page each second; what was unfolded stays so.
const main = document.querySelector("main");
const lost = document.querySelector("#lost");

async function look() {
  try {
    const answer = await fetch("/main", { cache: "no-store", signal: AbortSignal.timeout(3000) });
    const open = [...main.querySelectorAll("details[open]")].map((one) => one.id);
    main.innerHTML = await answer.text();
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    document.title = main.querySelector("h1").textContent.trim().replace(/\s+/, ": ");
    lost.style.display = "none";
  } catch {
    lost.style.display = "block";
  }
  setTimeout(look, 1000);
}

setTimeout(look, 1000);
