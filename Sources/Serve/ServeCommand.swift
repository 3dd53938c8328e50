import ArgumentParser
import Aviary
import AviaryArchives
import AviaryCommands
import AviaryPlatform
import AviaryServing

/// The command line `aviary-serve`.
@main
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aviary-serve",
    abstract: "Serve models over HTTP: classes of photographs, predictions for rows of tables, and heat maps.",
    discussion: """
      A model is served under the name of its file without the extension (a run's folder under its own), or under NAME with \
      NAME=FILE. Its weights are read into memory; where the file is replaced, the new one is read, tried and served, and the \
      old one answers until then. The routes:

        GET  /                            a page: choose a photograph, see classes and heat map
        POST /predict?model=NAME          a photograph as body or in a form, or rows as JSON
        POST /explain?model=NAME          a photograph; the heat map as PNG or, with Accept, as JSON
        GET  /models, /metrics            what is served; counters for Prometheus
        GET  /v2, /v2/health/ready, …     the Open Inference Protocol, for Triton's and KServe's clients
        POST /v2/models/NAME/infer        numbers, pixels or files, as JSON or with binary tensors

      Requests that wait for a model are computed together. Beyond --queue they get status 503 and Retry-After, beyond \
      --timeout status 504; X-Request-Timeout shortens it for one request. SIGTERM and Ctrl-C end the server when it has \
      answered what has arrived. Each request is a line of JSON on standard error.
      """)

  @Argument(
    help: ArgumentHelp(
      "The checkpoints: files, runs, or names of weights; NAME=FILE to name a model.", valueName: "checkpoint"))
  var checkpoints: [String]
  @OptionGroup(title: "Connections") var connections: ConnectionOptions
  @OptionGroup(title: "Batches and queues") var batches: BatchOptions
  @OptionGroup(title: "Limits") var limits: LimitOptions
  @OptionGroup var computing: PrecisionArguments
  @OptionGroup var weights: WeightsOptions

  static func main() { runAsProgram() }

  func validate() throws {
    #if Server
      try validateNames()
    #else
      throw ValidationError(
        "this aviary-serve was built without the server; build it with: swift build -c release --traits Server")
    #endif
  }

  private func validateNames() throws {
    let sources = checkpoints.map { checkpoint in
      let (name, file) = Self.name(of: checkpoint)
      return ModelStore.Source(name: name, path: file)
    }
    if let fault = ModelStore.Source.fault(in: sources) { throw ValidationError(fault) }
  }

  /// `NAME=FILE`, or the file's name without its extension.
  private static func name(of checkpoint: String) -> (name: String, file: String) {
    if !FileSystem.exists(checkpoint), let equals = checkpoint.firstIndex(of: "=") {
      return (String(checkpoint[..<equals]), String(checkpoint[checkpoint.index(after: equals)...]))
    }
    var name = checkpoint.split(separator: "/").last.map(String.init) ?? checkpoint
    if let colon = name.lastIndex(of: ":") { name = String(name[name.index(after: colon)...]) }
    if !FileSystem.isFolder(checkpoint), let point = name.lastIndex(of: "."), point != name.startIndex {
      name = String(name[..<point])
    }
    return (name, checkpoint)
  }

  func run() throws {
    #if Server
      computing.apply()
      let key = try connections.key()
      let sources = try checkpoints.map { checkpoint in
        let (name, file) = Self.name(of: checkpoint)
        return ModelStore.Source(name: name, path: try weights.path(of: file))
      }
      let log = ServingLog(least: connections.logLevel) { line in
        var output = StandardError()
        output.write(line + "\n")
      }
      let metrics = ServingMetrics()
      let loader = ModelLoader(registry: .standard, limits: batches.limits, metrics: metrics)
      let store = try ModelStore(sources, loader: loader, log: log, metrics: metrics)
      var options = limits.options
      options.key = key
      options.version = AviaryCommand.configuration.version
      options.workers = Processors.available
      let service = InferenceService(store, options: options, metrics: metrics, log: log)
      let server = HTTPServer(service, options: connections.options)
      let (host, port) = (connections.host, connections.port)
      try waiting {
        do {
          try await server.run { port in
            let address = Self.address(host, port)
            log.info("listening", [("address", .text(address))])
            print(address)
            flushOutput()
          }
        } catch let fault as ListeningFault {
          throw fault
        } catch {
          throw ServingEnd.failed(address: Self.address(host, port), reason: "\(error)")
        }
        log.info("stopped")
      }
    #endif
  }

  private static func address(_ host: String, _ port: Int) -> String {
    "http://" + (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
  }
}

/// Why the server has ended though nobody asked it to.
enum ServingEnd: Error, CustomStringConvertible {
  /// The system took the port away, or the server broke.
  case failed(address: String, reason: String)

  var description: String {
    switch self {
    case .failed(let address, let reason): "the server at \(address) has ended: \(reason); start it again"
    }
  }
}
