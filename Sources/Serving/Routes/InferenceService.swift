import Aviary
import AviaryArchives
import AviaryDiagnostics
import Synchronization

/// Answers requests, whatever carries them.
package final class InferenceService: Sendable {
  package struct Options: Sendable {
    package var key: APIKey?
    /// The most bytes of a body.
    package var bodyLimit = 16 << 20
    /// The most bytes of all bodies together.
    package var bodiesLimit = 1 << 30
    /// The most pixels of a picture.
    package var pixelLimit = 40_000_000
    /// How long a request may take, from its head to its answer.
    package var timeout: Duration = .seconds(30)
    /// The server's version, for clients.
    package var version = ""
    /// The threads that decode.
    package var workers = 1

    package init() {}
  }

  package let store: ModelStore
  package let options: Options
  package let metrics: ServingMetrics
  package let log: ServingLog
  package let bodies: ByteBudget
  let pool: WorkerPool
  private let draining = Mutex(false)

  package init(_ store: ModelStore, options: Options, metrics: ServingMetrics, log: ServingLog) {
    self.store = store
    self.options = options
    self.metrics = metrics
    self.log = log
    bodies = ByteBudget(limit: options.bodiesLimit)
    pool = WorkerPool(workers: options.workers, capacity: 1024, mostWeight: options.pixelLimit)
  }

  /// Whether the server is about to end: it answers, and tells others to send no more.
  package var isDraining: Bool {
    get { draining.withLock { $0 } }
    set { draining.withLock { $0 = newValue } }
  }

  /// What a request asks for, where it may ask for it. To be known before its body is read.
  package func admitted(_ head: RequestHead) throws(ServingFault) -> Route {
    let outcome = Result { () throws(ServingFault) in try Route(head) }
    // Whoever has no key does not learn which paths there are.
    let isOpen = (try? outcome.get().isOpen) ?? false
    if let key = options.key, !isOpen, !key.isGiven(in: head) { throw .unauthorized }
    let route = try outcome.get()
    if route.hasBody { _ = try PackedBody(head) }
    if let length = head.headers["content-length"].flatMap({ Int($0) }), length > options.bodyLimit, route.hasBody {
      throw .bodyTooLarge(limit: options.bodyLimit)
    }
    return route
  }

  /// How many bytes of memory a byte of a body may come to: values of JSON are far larger than their digits.
  package func weight(of route: Route, _ head: RequestHead) -> Int {
    if case .infer = route { return 4 }
    return MediaType(head.headers["content-type"] ?? "").name == "application/json" ? 32 : 2
  }

  /// When a request that begins now has to be answered: `X-Request-Timeout` gives seconds, of which the server has its own
  /// limit.
  package func deadline(_ head: RequestHead) throws(ServingFault) -> (instant: ContinuousClock.Instant, seconds: Double)
  {
    var seconds = options.timeout.inSeconds
    if let given = head.headers["x-request-timeout"] {
      guard let asked = Double(trimmed(given)), asked > 0 else {
        throw .malformed("X-Request-Timeout is '\(given.prefix(40))'; give seconds above 0")
      }
      seconds = min(seconds, asked)
    }
    return (.now + .seconds(seconds), seconds)
  }

  /// The answer to a request that was admitted; a fault becomes an answer, too.
  package func response(to request: WebRequest, _ route: Route) async -> WebResponse {
    do throws(ServingFault) {
      // What takes no time is not raced against a clock.
      guard route.hasBody else { return try shortAnswer(request, route) }
      return try await inTime(request.deadline, else: .deadline(seconds: request.seconds)) {
        () async throws(ServingFault) in
        guard let packed = try PackedBody(request.head) else { return try await self.answer(request, route) }
        // Held until the answer is there.
        let share = self.bodies.share()
        defer { withExtendedLifetime(share) {} }
        let limit = self.options.bodyLimit
        let body = try await self.pool.run { () throws(ServingFault) in try packed.unpacked(request.body, limit: limit)
        }
        try share.grow(by: body.count * self.weight(of: route, request.head))
        return try await self.answer(
          WebRequest(request.head, body: body, deadline: request.deadline, seconds: request.seconds), route)
      }
    } catch {
      return WebResponse(error)
    }
  }

  /// Counts a request and writes a line about it.
  ///
  /// - Parameter route: nil where it was not admitted.
  package func finish(
    _ head: RequestHead, _ route: Route?, _ response: WebResponse, seconds: Double, bytes: Int, id: String
  ) {
    let named: String? =
      switch route {
      case .infer(let name, _), .model(let name, _), .modelReady(let name, _), .modelConfiguration(let name, _),
        .oldReady(let name):
        name
      case .predict(let name), .explain(let name): name ?? head.query["model"] ?? onlyName
      default: nil
      }
    // Names that strangers make up are no labels.
    let model = named.flatMap { name in store.sources.contains { $0.name.isExactly(name) } ? name : nil }
    metrics.addRequest(
      route: route?.label ?? "none", model: model, status: response.status, fault: response.fault, seconds: seconds)
    var facts: ServingLog.Facts = [
      ("id", .text(id)), ("method", .text(head.method.rawValue)), ("path", .text(String(head.path.prefix(200)))),
      ("status", .integer(response.status)), ("milliseconds", .real((seconds * 1e5).rounded() / 100)),
      ("bytes_in", .integer(bytes)), ("bytes_out", .integer(response.body.count)),
    ]
    if let model { facts.append(("model", .text(model))) }
    if let fault = response.fault {
      facts += [("fault", .text(fault.kind)), ("reason", .text(String(fault.description.prefix(300))))]
    }
    let isQuiet = [.live, .ready, .metrics].contains(route) && response.status == 200
    log.add(response.status >= 500 ? .warning : isQuiet ? .debug : .info, "request", facts)
  }

  private var onlyName: String? { store.sources.count == 1 ? store.sources[0].name : nil }

  private func answer(_ request: WebRequest, _ route: Route) async throws(ServingFault) -> WebResponse {
    switch route {
    case .infer(let name, let version): return try await infer(request, store.model(name, version: version))
    case .predict(let name): return try await predict(request, model: name)
    case .explain(let name): return try await explain(request, model: name)
    default: return try shortAnswer(request, route)
    }
  }

  /// What needs no model to work.
  private func shortAnswer(_ request: WebRequest, _ route: Route) throws(ServingFault) -> WebResponse {
    switch route {
    case .page: return Page.response
    case .live: return .json(.members(["live": .boolean(true)]))
    case .ready: return .json(.members(["ready": .boolean(!isDraining)]), status: isDraining ? 503 : 200)
    case .server: return serverMetadata
    case .repository: return repository
    case .metrics: return .text(metricsText, type: "text/plain; version=0.0.4; charset=utf-8")
    case .models: return modelList
    case .model(let name, let version): return metadata(of: try store.model(name, version: version))
    case .modelConfiguration(let name, let version): return configuration(of: try store.model(name, version: version))
    case .modelReady(let name, let version):
      _ = try store.model(name, version: version)
      return .json(.members(["name": .text(name), "ready": .boolean(true)]))
    case .oldReady(let name):
      _ = try store.model(name)
      return .json(.members(["name": .text(name), "ready": .boolean(true)]))
    case .infer, .predict, .explain: throw .failed("\(route.label) has no short answer")
    }
  }

  private var metricsText: String {
    let models = store.models
    return metrics.text(gauges: [
      (
        "aviary_queue_length", "Requests that wait for a model.",
        models.map { ([("model", $0.name)], Double($0.queue.length)) }
      ),
      (
        "aviary_explanations_waiting", "Explanations that wait for a model.",
        models.map { ([("model", $0.name)], Double($0.explanations.length)) }
      ),
      ("aviary_bodies_waiting", "Bodies that wait to be decoded or parsed.", [([], Double(pool.length))]),
      ("aviary_body_bytes", "Bytes of the bodies that are in memory.", [([], Double(bodies.usedBytes))]),
      (
        "aviary_model_version", "How many files a model was read from.",
        models.map { ([("model", $0.name)], Double($0.version) ?? 0) }
      ),
      ("process_resident_memory_bytes", "Memory that is resident.", [([], Double(ResidentMemory.bytes))]),
    ])
  }
}
