import ArgumentParser
import AviaryArchives
import AviaryCommands
import AviaryServing
import Foundation

/// Where the server listens, and to whom.
struct ConnectionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The address to listen at; 0.0.0.0 for every network.", valueName: "host"))
  var host = "127.0.0.1"
  @Option(parsing: .unconditional, help: ArgumentHelp("The port; 0 for any that is free.", valueName: "n"))
  var port = 8080
  @Option(
    help: ArgumentHelp(
      "Answer only requests with this key, as 'Authorization: Bearer KEY' or X-API-Key. Others can see it in the list of processes: use --api-key-file or AVIARY_API_KEY.",
      valueName: "key"))
  var apiKey: String?
  @Option(help: ArgumentHelp("The same, from the first line of a file.", valueName: "file"))
  var apiKeyFile: String?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Serve this many connections at once; others wait.", valueName: "n"))
  var maxConnections = 1024
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Close a connection after this many seconds of silence.", valueName: "seconds"))
  var idleTimeout = 15.0
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Check the files for new versions every n seconds; 0 never checks.", valueName: "seconds"))
  var reloadEvery = 2.0
  @Option(help: ArgumentHelp("Log what is at least this important.", valueName: "level"))
  var logLevel = ServingLog.Level.info

  func validate() throws {
    try checkOption("--port", port, in: 0...65_535)
    try checkOption("--max-connections", maxConnections, in: 1...1_000_000)
    try checkOption("--idle-timeout", idleTimeout, "from 0.1 to 3600 seconds") { (0.1...3600).contains($0) }
    try checkOption("--reload-every", reloadEvery, "0, or from 0.05 to 86400 seconds") {
      $0 == 0 || (0.05...86_400).contains($0)
    }
    if apiKey != nil, apiKeyFile != nil { throw ValidationError("--api-key and --api-key-file exclude each other") }
    if let apiKey, APIKey(apiKey) == nil {
      throw ValidationError(
        "--api-key has characters that a header cannot have, or none; use letters, digits and signs")
    }
  }

  /// The key that clients must have: an option's, or else the environment's.
  func key() throws -> APIKey? {
    if let apiKey { return APIKey(apiKey) }
    if let apiKeyFile {
      let file = try MappedFile(path: apiKeyFile, map: false)
      guard file.bytes.count <= 4096,
        let line = String(decoding: file.bytes.array(), as: UTF8.self).split(whereSeparator: \.isNewline).first,
        let key = APIKey(String(line))
      else { throw KeyFault.noKey(path: apiKeyFile) }
      return key
    }
    guard let text = ProcessInfo.processInfo.environment["AVIARY_API_KEY"], !text.isEmpty else { return nil }
    guard let key = APIKey(text) else { throw KeyFault.environment }
    return key
  }

  #if Server
    var options: HTTPServer.Options {
      var options = HTTPServer.Options()
      options.host = host
      options.port = port
      options.connections = maxConnections
      options.idle = .seconds(idleTimeout)
      options.polling = reloadEvery == 0 ? nil : .seconds(reloadEvery)
      return options
    }
  #endif
}

extension ServingLog.Level: ExpressibleByArgument {}

/// Why there is no API key though one is asked for: nobody is served by mistake.
enum KeyFault: Error, CustomStringConvertible {
  /// The file's first line is no key.
  case noKey(path: String)
  /// What the environment has is no key.
  case environment

  var description: String {
    switch self {
    case .noKey(let path): "\(path): has no API key in its first line: letters, digits and signs without spaces"
    case .environment: "AVIARY_API_KEY has characters that a header cannot have; use letters, digits and signs"
    }
  }
}

/// How requests are put together.
struct BatchOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Compute up to this many images or rows at once.", valueName: "n"))
  var maxBatch = 16
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Let a batch that is not full wait this long for others.", valueName: "milliseconds"))
  var maxDelay = 2.0
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Let this many requests wait for a model; the next get status 503.", valueName: "n"))
  var queue = 128

  func validate() throws {
    try checkOption("--max-batch", maxBatch, in: 1...1024)
    try checkOption("--max-delay", maxDelay, "from 0 to 10000 milliseconds") { (0...10_000).contains($0) }
    try checkOption("--queue", queue, in: 1...100_000)
  }

  var limits: ServedModel.Limits {
    var limits = ServedModel.Limits()
    limits.batch = maxBatch
    limits.delay = .seconds(maxDelay / 1000)
    limits.capacity = queue
    return limits
  }
}

/// What a request may take.
struct LimitOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Give a request this many seconds, from its first line to its answer.", valueName: "seconds"))
  var timeout = 30.0
  @Option(parsing: .unconditional, help: ArgumentHelp("Read bodies of up to this many MiB.", valueName: "n"))
  var maxBody = 16
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Decode photographs of up to this many megapixels.", valueName: "n"))
  var maxPixels = 40.0

  func validate() throws {
    try checkOption("--timeout", timeout, "from 0.01 to 86400 seconds") { (0.01...86_400).contains($0) }
    try checkOption("--max-body", maxBody, in: 1...1024)
    try checkOption("--max-pixels", maxPixels, "from 0.001 to 178 megapixels") { (0.001...178).contains($0) }
  }

  var options: InferenceService.Options {
    var options = InferenceService.Options()
    options.timeout = .seconds(timeout)
    options.bodyLimit = maxBody << 20
    // A body of the largest size may come to many times as much.
    options.bodiesLimit = max(1 << 30, 64 * options.bodyLimit)
    options.pixelLimit = Int(maxPixels * 1e6)
    return options
  }
}
