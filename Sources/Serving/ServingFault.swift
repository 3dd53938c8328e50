import AviaryDatasets

/// Why a request has no answer. Each has a status of HTTP, a word for metrics and logs, and a line for the client.
package enum ServingFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// The request breaks the rules of what it claims to be.
  case malformed(String)
  /// No API key, or a wrong one.
  case unauthorized
  /// There is no model of that name.
  case noModel(name: String, near: String?)
  /// The model is there in another version only.
  case noVersion(model: String, version: String, current: String)
  /// Several models are served, and the request names none.
  case modelNotNamed([String])
  /// There is nothing at the path.
  case noPath(String)
  /// The path does not take the method.
  case method(String, allowed: String)
  /// The body is larger than is read, or unpacks to more.
  case bodyTooLarge(limit: Int)
  /// The body is of a kind that the route or the model does not take.
  case unsupportedBody(String)
  /// The picture cannot be decoded.
  case picture(ImageDecodingFault)
  /// The model does not take such an input, or cannot do what is asked.
  case unsuited(String)
  /// Too many requests wait already.
  case busy(String)
  /// The request did not arrive within its time.
  case slowRequest(seconds: Double)
  /// The answer was not there within the request's time.
  case deadline(seconds: Double)
  /// The client has gone.
  case cancelled
  /// The network's outputs are no numbers.
  case notFinite
  /// Something else that is not the client's fault.
  case failed(String)

  package var status: Int {
    switch self {
    case .malformed, .modelNotNamed, .unsuited: 400
    case .unauthorized: 401
    case .noModel, .noVersion, .noPath: 404
    case .method: 405
    case .slowRequest, .cancelled: 408
    case .bodyTooLarge: 413
    case .unsupportedBody: 415
    case .picture(let fault):
      switch fault {
      case .tooLarge: 413
      case .unsupported, .notAnImage: 415
      case .outOfMemory: 503
      case .unreadable, .truncated, .damaged: 400
      }
    case .notFinite, .failed: 500
    case .busy: 503
    case .deadline: 504
    }
  }

  /// A word for each kind, of which there are few: a label of metrics.
  package var kind: String {
    switch self {
    case .malformed: "malformed"
    case .unauthorized: "unauthorized"
    case .noModel, .noVersion, .modelNotNamed: "no_model"
    case .noPath: "no_path"
    case .method: "method"
    case .bodyTooLarge: "body_too_large"
    case .unsupportedBody: "unsupported_body"
    case .picture: "picture"
    case .unsuited: "unsuited"
    case .busy: "busy"
    case .slowRequest: "slow_request"
    case .deadline: "deadline"
    case .cancelled: "cancelled"
    case .notFinite: "not_finite"
    case .failed: "failed"
    }
  }

  package var description: String {
    switch self {
    case .malformed(let reason): reason
    case .unauthorized: "give the API key, as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
    case .noModel(let name, let near):
      "unknown model '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? "; GET /models lists them")
    case .noVersion(let model, let version, let current):
      "model '\(model)' has no version '\(version)'; the current one is \(current)"
    case .modelNotNamed(let names): "say which model, with ?model=NAME: \(names.joined(separator: ", "))"
    case .noPath(let path): "there is nothing at \(path)"
    case .method(let path, let allowed): "\(path) takes \(allowed) only"
    case .bodyTooLarge(let limit): "the body is larger than \(limit) bytes (--max-body)"
    case .unsupportedBody(let reason): reason
    case .picture(let fault): "\(fault)"
    case .unsuited(let reason): reason
    case .busy(let what): "\(what); try again later"
    case .slowRequest(let seconds): "the request did not arrive within \(shortened(seconds)) s"
    case .deadline(let seconds): "there was no answer within \(shortened(seconds)) s"
    case .cancelled: "the request was given up"
    case .notFinite:
      "the network's outputs are not finite: its weights are not, or the numbers of the input are too large"
    case .failed(let reason): reason
    }
  }
}

/// Seconds without more digits than anybody reads.
private func shortened(_ seconds: Double) -> String {
  let thousandths = (seconds * 1000).rounded() / 1000
  // Less than a thousandth is not nothing.
  if thousandths == 0 { return "\(seconds)" }
  return thousandths == thousandths.rounded() && thousandths.magnitude < 1e15
    ? String(Int(thousandths)) : "\(thousandths)"
}
