extension Page {
  static let script = #"""
    "use strict";
    const get = id => document.getElementById(id);
    const say = (text, wrong) => { get("status").textContent = text; get("status").classList.toggle("wrong", !!wrong); };
    let photo = null, photoURL = null, mapURL = null, stream = null, opening = false, turn = 0, key = "";
    const patience = 4;

    const headers = accept => {
      const result = {"Accept": accept};
      if (key) result["Authorization"] = "Bearer " + key;
      return result;
    };

    // What a person reads, and what the server said alone.
    function refusal(text, reason, mayPass) {
      return Object.assign(new Error(text), {reason: reason || text, mayPass: !!mayPass});
    }

    function reasoned(response, reason) {
      // The photograph is the body, which the server calls "image".
      reason = reason.replace(/^image: /, "");
      if (response.status === 413) reason += "; make the photograph smaller, and choose it again";
      return refusal("The server answered: " + reason, reason, response.status === 429 || response.status >= 500);
    }

    // A server that is busy is asked again when it says.
    async function answer(path, accept, body) {
      const mine = turn;
      for (let tries = 1; ; tries++) {
        let response;
        try {
          response = await fetch(path, {method: body ? "POST" : "GET", headers: headers(accept), body: body});
        } catch {
          throw refusal("The server does not answer. Check the connection, and try again.", "the server does not answer", true);
        }
        if (response.ok) {
          if (tries > 1) say("");
          return response;
        }
        if (response.status === 401) {
          get("key-row").hidden = false;
          get("key").focus();
          throw refusal(key ? "The API key is wrong." : "The server asks for an API key.");
        }
        let reason = "status " + response.status;
        try { reason = (await response.json()).error || reason; } catch {}
        const isBusy = response.status === 429 || response.status === 503;
        const seconds = Math.min(30, Math.max(1, Number(response.headers.get("Retry-After")) || 1));
        if (!isBusy || tries === patience || mine !== turn) throw reasoned(response, reason);
        say("The server is busy. Trying again in " + seconds + (seconds === 1 ? " second\u2026" : " seconds\u2026"));
        await new Promise(done => setTimeout(done, 1000 * seconds));
        if (mine !== turn) throw reasoned(response, reason);
      }
    }

    async function listModels() {
      const models = (await (await answer("models", "application/json")).json()).models.filter(m => m.kind === "images");
      const select = get("model");
      select.replaceChildren(...models.map(model => new Option(model.name, model.name)));
      get("model-row").hidden = models.length < 2;
      if (models.length === 0) throw new Error("No model on this server reads photographs.");
      if (models.length === 1) get("about").textContent =
        "Model " + models[0].name + " runs on this server; your photograph is not sent anywhere else.";
    }

    const query = more => "?" + new URLSearchParams(Object.assign({model: get("model").value}, more));

    function showClasses(classes) {
      get("classes").replaceChildren(...classes.map(one => {
        const row = document.createElement("tr");
        const name = document.createElement("th");
        name.scope = "row";
        name.textContent = one.name;
        name.dir = "auto";
        name.style.setProperty("--share", (100 * one.probability).toFixed(1) + "%");
        const share = document.createElement("td");
        share.className = "number";
        share.textContent = (100 * one.probability).toFixed(1) + " %";
        const cell = document.createElement("td");
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = "Show";
        button.setAttribute("aria-label", "Show the heat map of " + one.name);
        button.setAttribute("aria-pressed", "false");
        button.addEventListener("click", () => explain(one.name));
        button.dataset.name = one.name;
        cell.append(button);
        row.append(name, share, cell);
        return row;
      }));
    }

    async function classify(blob) {
      const mine = ++turn;
      photo = blob;
      if (photoURL) URL.revokeObjectURL(photoURL);
      photoURL = URL.createObjectURL(blob);
      get("photo").src = photoURL;
      get("map-figure").hidden = true;
      get("result").hidden = true;
      say("Classifying\u2026");
      try {
        if (!get("model").options.length) await listModels();
        const found = await (await answer("predict" + query({top: 5}), "application/json", blob)).json();
        if (mine !== turn) return;
        const classes = found.predictions[0].classes;
        showClasses(classes);
        get("result").hidden = false;
        const thresholds = classes.some(one => one.probability > classes[0].probability);
        const decision = (thresholds ? "By the model's thresholds " : "Most likely ") + classes[0].name
          + ", with a probability of " + (100 * classes[0].probability).toFixed(1) + " %.";
        say(decision);
        await explain(classes[0].name, decision);
      } catch (error) {
        if (mine === turn) say(error.message, true);
      }
    }

    function press(name) {
      for (const button of get("classes").querySelectorAll("button"))
        button.setAttribute("aria-pressed", String(button.dataset.name === name));
    }

    // With a decision nobody has asked for the map, and it is said before what is wrong with that. The last map that was
    // asked for is shown, whichever comes last.
    async function explain(name, decision) {
      const mine = ++turn;
      press(name);
      if (!decision) say("Computing the heat map\u2026");
      try {
        const found = await answer("explain" + query({class: name}), "image/png", photo);
        const blob = await found.blob();
        if (mine !== turn) return;
        if (mapURL) URL.revokeObjectURL(mapURL);
        mapURL = URL.createObjectURL(blob);
        get("map").src = mapURL;
        get("map").alt = "Heat map of the evidence for " + name + ": the yellow areas count most";
        const note = decodeURIComponent(found.headers.get("X-Note") || "");
        get("map-caption").textContent = "Evidence for " + name + " (Grad-CAM)" + (note ? ": " + note : "");
        get("map-figure").hidden = false;
        say(decision || note || "The heat map shows the evidence for " + name + ".");
      } catch (error) {
        if (mine !== turn) return;
        get("map-figure").hidden = true;
        press(null);
        const text = "The heat map cannot be shown: " + error.reason + "." + (error.mayPass ? " Press Show to try again." : "");
        if (decision) say(decision + " " + text); else say(text, true);
      }
    }

    function take(files) {
      const file = Array.from(files || []).find(file => file.type.startsWith("image/")) || (files || [])[0];
      if (file) classify(file); else say("That is not a file. Drop a JPEG, PNG or WebP file.", true);
    }

    function stopCamera() {
      if (stream) for (const track of stream.getTracks()) track.stop();
      stream = null;
      get("viewfinder").hidden = true;
      get("drop").hidden = false;
    }

    get("file").addEventListener("change", event => { take(event.target.files); event.target.value = ""; });
    const cameraFaults = {
      NotAllowedError: "The browser does not let this page use the camera. Allow it in the page's settings, or choose a photograph.",
      NotFoundError: "No camera was found. Choose a photograph instead.",
      NotReadableError: "Another program uses the camera. Close it, or choose a photograph."
    };

    get("camera").addEventListener("click", async () => {
      if (opening || stream) return;
      opening = true;
      try {
        stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}});
        get("video").srcObject = stream;
        await get("video").play();
        get("drop").hidden = true;
        get("viewfinder").hidden = false;
        get("shoot").focus();
        say("The camera is on.");
      } catch (error) {
        stopCamera();
        say(cameraFaults[error.name] || "The camera cannot be used here. Choose a photograph instead.", true);
      }
      opening = false;
    });
    get("shoot").addEventListener("click", () => {
      const video = get("video");
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      stopCamera();
      get("camera").focus();
      canvas.toBlob(blob => blob ? classify(blob) : say("The camera gave no picture.", true), "image/jpeg", 0.92);
    });
    get("stop").addEventListener("click", () => { stopCamera(); get("camera").focus(); say("The camera is off."); });
    get("use-key").addEventListener("click", () => {
      key = get("key").value.trim();
      say("");
      if (photo) classify(photo); else listModels().catch(error => say(error.message, true));
    });
    get("key").addEventListener("keydown", event => { if (event.key === "Enter") get("use-key").click(); });
    get("model").addEventListener("change", () => { if (photo) classify(photo); });
    for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, event => {
      event.preventDefault();
      get("drop").classList.add("over");
    });
    for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, event => {
      event.preventDefault();
      get("drop").classList.remove("over");
    });
    document.addEventListener("drop", event => take(event.dataTransfer.files));
    document.addEventListener("paste", event => { if (event.clipboardData.files.length) take(event.clipboardData.files); });
    if (!(navigator.mediaDevices && navigator.mediaDevices.getUserMedia)) get("camera").hidden = true;
    listModels().catch(error => say(error.message, true));
    """#
}
