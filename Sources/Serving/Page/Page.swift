/// The page at `/`: a photograph, its classes, and where the network looked. It fetches nothing but the server's own answers.
enum Page {
  /// Browsers run the script and use the style that have these hashes, SHA-256 in Base64, and nothing else.
  static let scriptHash = "Py3Nx/zxnnpRVbal7f7dJ4/35g61VZ4UhpZcmu3yMXw="
  static let styleHash = "vTtnUsmkZs0zXie/Uo226rksNgtCMeQ7HLr49VlDzmA="

  static let policy = [
    "default-src 'none'", "script-src 'sha256-\(scriptHash)'", "style-src 'sha256-\(styleHash)'",
    "img-src 'self' blob: data:", "media-src 'self' blob:", "connect-src 'self'", "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].joined(separator: "; ")

  static let response = WebResponse(
    type: "text/html; charset=utf-8", Array(text.utf8),
    headers: [
      ("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-cache"),
      ("Permissions-Policy", "camera=(self), microphone=(), geolocation=()"),
      ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
    ])

  static let text = """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:,">
    <title>Aviary: classify a photograph</title>
    <style>\(style)</style>
    </head>
    <body>
    <header>
    <h1>Classify a photograph</h1>
    <p id="about">Aviary runs on this server; your photograph is not sent anywhere else.</p>
    </header>
    <main>
    <section aria-labelledby="input-title">
    <h2 id="input-title">Photograph</h2>
    <div id="drop">
    <p>Drop a JPEG, PNG or WebP file here, paste one, or</p>
    <div class="actions">
    <label class="button" for="file">Choose a photograph</label>
    <input id="file" type="file" accept="image/jpeg,image/png,image/webp">
    <button id="camera" type="button">Use the camera</button>
    </div>
    </div>
    <div id="viewfinder" hidden>
    <video id="video" muted playsinline aria-label="Picture of the camera"></video>
    <div class="actions">
    <button id="shoot" type="button" class="main">Take the photograph</button>
    <button id="stop" type="button">Cancel</button>
    </div>
    </div>
    <div id="model-row" class="field" hidden><label for="model">Model</label><select id="model"></select></div>
    <div id="key-row" class="field" hidden><label for="key">API key</label><input id="key" type="password"
    autocomplete="current-password"><button id="use-key" type="button">Use the key</button></div>
    </section>
    <p id="status" role="status" aria-live="polite"></p>
    <section id="result" aria-labelledby="result-title" hidden>
    <h2 id="result-title" tabindex="-1">Result</h2>
    <div class="columns">
    <figure id="photo-figure"><img id="photo" alt="Your photograph"><figcaption>Your photograph</figcaption></figure>
    <figure id="map-figure" hidden><img id="map" alt=""><figcaption id="map-caption"></figcaption></figure>
    <div id="classes-box">
    <table>
    <caption>Classes and their probabilities</caption>
    <thead><tr><th scope="col">Class</th><th scope="col" class="number">Probability</th><th scope="col">Heat map</th></tr></thead>
    <tbody id="classes"></tbody>
    </table>
    </div>
    </div>
    </section>
    </main>
    <script>\(script)</script>
    </body>
    </html>

    """
}
