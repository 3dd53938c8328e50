/// What a request asks for, by its method and path.
package enum Route: Equatable, Sendable {
  case page, live, ready, server, repository, metrics, models
  case model(name: String, version: String?)
  case modelReady(name: String, version: String?)
  case modelConfiguration(name: String, version: String?)
  case infer(name: String, version: String?)
  /// nil for the model that the query names, or the only one.
  case predict(model: String?)
  case explain(model: String?)
  /// The readiness of a model in version 1 of KServe's protocol.
  case oldReady(name: String)

  package init(_ head: RequestHead) throws(ServingFault) {
    guard let parts = head.components, let found = Self.found(parts) else { throw .noPath(head.path) }
    let isAllowed =
      switch head.method {
      case .get, .head: found.methods != .post
      case .post: found.methods != .get
      case .other: false
      }
    guard isAllowed else { throw .method(head.path, allowed: found.methods.words) }
    self = found.route
  }

  private enum Methods {
    case get, post, both

    var words: String {
      switch self {
      case .get: "GET, HEAD"
      case .post: "POST"
      case .both: "GET, HEAD, POST"
      }
    }
  }

  private static func found(_ parts: [String]) -> (route: Route, methods: Methods)? {
    switch parts.first {
    case nil: return (.page, .get)
    case "metrics" where parts.count == 1: return (.metrics, .get)
    case "models" where parts.count == 1: return (.models, .get)
    case "predict" where parts.count == 1: return (.predict(model: nil), .post)
    case "explain" where parts.count == 1: return (.explain(model: nil), .post)
    case "v1": return old(Array(parts.dropFirst()))
    case "v2": return new(Array(parts.dropFirst()))
    default: return nil
    }
  }

  /// Version 1 of KServe's protocol: `models/NAME`, `models/NAME:predict`, `models/NAME:explain`.
  private static func old(_ parts: [String]) -> (route: Route, methods: Methods)? {
    guard parts.count == 2, parts[0] == "models" else { return nil }
    for (ending, route) in [(":predict", Route.predict), (":explain", Route.explain)] {
      if parts[1].hasSuffix(ending) { return (route(String(parts[1].dropLast(ending.count))), .post) }
    }
    return (.oldReady(name: parts[1]), .get)
  }

  /// The Open Inference Protocol, version 2.
  private static func new(_ parts: [String]) -> (route: Route, methods: Methods)? {
    switch parts {
    case []: return (.server, .get)
    case ["health", "live"]: return (.live, .get)
    case ["health", "ready"]: return (.ready, .get)
    case ["repository", "index"]: return (.repository, .both)
    default: break
    }
    guard parts.count >= 2, parts[0] == "models" else { return nil }
    let name = parts[1]
    var rest = parts.dropFirst(2)
    var version: String?
    if rest.first == "versions" {
      rest = rest.dropFirst()
      guard let given = rest.popFirst() else { return nil }
      version = given
    }
    switch Array(rest) {
    case []: return (.model(name: name, version: version), .get)
    case ["ready"]: return (.modelReady(name: name, version: version), .get)
    case ["config"]: return (.modelConfiguration(name: name, version: version), .get)
    case ["infer"]: return (.infer(name: name, version: version), .post)
    default: return nil
    }
  }

  /// A word for metrics and logs.
  package var label: String {
    switch self {
    case .page: "page"
    case .live: "live"
    case .ready: "ready"
    case .server: "server"
    case .repository: "repository"
    case .metrics: "metrics"
    case .models: "models"
    case .model: "model"
    case .modelReady, .oldReady: "model_ready"
    case .modelConfiguration: "model_configuration"
    case .infer: "infer"
    case .predict: "predict"
    case .explain: "explain"
    }
  }

  /// Whether it is answered without the API key: whether the server lives is no secret, and the page asks for the key.
  package var isOpen: Bool { [.page, .live, .ready].contains(self) }

  /// Whether the body is read.
  package var hasBody: Bool {
    switch self {
    case .infer, .predict, .explain, .repository: true
    default: false
    }
  }
}
