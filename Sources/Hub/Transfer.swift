import AviaryArchives
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What tells one version of a file on a server from the next.
struct Validator: Equatable {
  var etag: String?
  var modified: String?

  /// What `If-Range` can be: a weak tag does not promise the same bytes.
  var condition: String? { etag.flatMap { $0.hasPrefix("W/") ? nil : $0 } ?? modified }
}

/// One request, whose answer goes to the end of a file.
final class Transfer: NSObject, URLSessionDataDelegate, Sendable {
  struct Request {
    var address: URL
    /// How many bytes are there already.
    var offset = 0
    var validator = Validator()
    /// The published size.
    var bytes: Int?
    var limit: Int
    /// How long nothing may arrive, in seconds.
    var patience: Int
    var allowsHTTP: Bool
  }

  /// How it ended where nothing went wrong.
  struct Outcome: Equatable {
    /// How many bytes the file has now.
    var received = 0
    /// How many the server says there are.
    var total: Int?
    var validator = Validator()
    /// What was there was taken away, as the server's file is another, or it cannot begin in the middle.
    var restarted = false
    /// What arrives was packed on its way, and is unpacked here.
    var isPacked = false
    /// The server has nothing after the bytes that are there.
    var isBeyondEnd = false
  }

  static let mostRedirects = 5

  private struct State {
    var outcome = Outcome()
    var fault: PullFault?
    /// Whether bytes belong to the file: not before the head of the answer was found to be good.
    var isReceiving = false
    var isDone = false
    var redirects = 0
    var activity = ContinuousClock.now
  }

  private let request: Request
  private let file: AppendingFile
  private let state: Mutex<State>
  private let done = DispatchSemaphore(value: 0)

  /// Sends the request and waits for the end of the answer, or for what went wrong.
  ///
  /// - Parameter progress: is told now and then how far it has come.
  static func run(
    _ request: Request, to file: AppendingFile, progress: (Outcome) -> Void
  ) -> (outcome: Outcome, fault: PullFault?) {
    let transfer = Transfer(request, file)
    let session = URLSession(configuration: configuration, delegate: transfer, delegateQueue: nil)
    defer { session.invalidateAndCancel() }
    let task = session.dataTask(with: transfer.headed(URLRequest(url: request.address)))
    task.resume()
    while transfer.done.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
      let (outcome, fault, idle) = transfer.state.withLock { state -> (Outcome, PullFault?, Duration) in
        let idle = ContinuousClock.now - state.activity
        if idle > .seconds(request.patience), state.fault == nil {
          state.fault = .stalled(
            address: request.address.absoluteString, seconds: request.patience, received: state.outcome.received)
        }
        return (state.outcome, state.fault, idle)
      }
      // A server that was given up may take its time to notice.
      if fault != nil {
        task.cancel()
        if idle > .seconds(request.patience) { break }
      }
      progress(outcome)
    }
    return transfer.state.withLock { state in
      // Nothing that arrives from now on may be written.
      state.isReceiving = false
      return (state.outcome, state.fault)
    }
  }

  private init(_ request: Request, _ file: AppendingFile) {
    self.request = request
    self.file = file
    var state = State()
    state.outcome.received = request.offset
    self.state = Mutex(state)
  }

  private static var configuration: URLSessionConfiguration {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.urlCache = nil
    configuration.httpCookieStorage = nil
    configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
    // `run` watches the time itself.
    configuration.timeoutIntervalForRequest = 24 * 3600
    return configuration
  }

  private func headed(_ request: URLRequest) -> URLRequest {
    var request = request
    request.setValue("aviary", forHTTPHeaderField: "User-Agent")
    // Lengths and ranges are those of the file itself.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if self.request.offset > 0 {
      request.setValue("bytes=\(self.request.offset)-", forHTTPHeaderField: "Range")
      if let condition = self.request.validator.condition {
        request.setValue(condition, forHTTPHeaderField: "If-Range")
      }
    }
    return request
  }

  // MARK: URLSession calls these on a queue of its own.

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    let isAllowed = state.withLock { state in
      state.activity = .now
      state.redirects += 1
      guard state.redirects <= Self.mostRedirects else {
        state.fault = .redirected(address: request.address.absoluteString, limit: Self.mostRedirects)
        return false
      }
      guard let target = newRequest.url, request.allowsHTTP || PullAddress.isSecure(target) else {
        state.fault = .insecure(address: newRequest.url?.absoluteString ?? "a redirection")
        return false
      }
      return true
    }
    if isAllowed {
      completionHandler(headed(newRequest))
    } else {
      completionHandler(nil)
      task.cancel()
    }
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
  ) {
    let isGood = state.withLock { state in
      state.activity = .now
      guard state.fault == nil else { return false }
      do throws(PullFault) {
        try begin(response, &state)
        return true
      } catch {
        state.fault = error
        return false
      }
    }
    completionHandler(isGood ? .allow : .cancel)
    // Foundation on Linux does not look at what the handler is given.
    if !isGood { dataTask.cancel() }
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let isGood = state.withLock { state in
      guard state.fault == nil, state.isReceiving else { return false }
      state.activity = .now
      let end = state.outcome.received + data.count
      guard end <= min(request.limit, state.outcome.total ?? .max) else {
        state.fault = .tooLarge(
          address: request.address.absoluteString, limit: min(request.limit, state.outcome.total ?? .max))
        return false
      }
      do throws(ArchiveFault) {
        try file.append(Array(data))
        state.outcome.received = end
        return true
      } catch {
        state.fault = .file(error)
        return false
      }
    }
    if !isGood { dataTask.cancel() }
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    state.withLock { state in
      guard !state.isDone else { return }
      state.isDone = true
      let (received, total) = (state.outcome.received, state.outcome.total)
      if state.fault == nil, !state.outcome.isBeyondEnd {
        let address = request.address.absoluteString
        if let error, !state.isReceiving {
          state.fault = .unreachable(address: address, reason: Self.reason(error))
        } else if error != nil || received < total ?? 0 {
          state.fault = .brokenOff(address: address, received: received, of: total)
        }
      }
    }
    done.signal()
  }

  /// Takes the head of the answer.
  private func begin(_ response: URLResponse, _ state: inout State) throws(PullFault) {
    let address = request.address.absoluteString
    guard let response = response as? HTTPURLResponse else {
      throw .unreachable(address: address, reason: "the answer is not HTTP")
    }
    func header(_ name: String) -> String? { response.value(forHTTPHeaderField: name) }
    let validator = Validator(etag: header("ETag"), modified: header("Last-Modified"))
    switch response.statusCode {
    case 200:
      try restart(&state)
      // Of what is packed on its way, the length is not the file's.
      let isPlain = header("Content-Encoding").map { $0.lowercased() == "identity" } ?? true
      state.outcome.isPacked = !isPlain
      state.outcome.total = isPlain ? header("Content-Length").flatMap { Int($0) } : nil
    case 206:
      let range = ContentRange(header("Content-Range") ?? "")
      guard let range, range.start == request.offset, request.offset > 0, !isOther(validator) else {
        // Other bytes than those asked for, or of another file: the next request begins anew.
        state.outcome.isBeyondEnd = true
        throw .status(address: address, code: 416)
      }
      state.outcome.total = range.total
    case 416 where request.offset > 0:
      state.outcome.isBeyondEnd = true
      state.outcome.total = ContentRange(header("Content-Range") ?? "")?.total
      return
    default:
      throw .status(
        address: address, code: response.statusCode,
        retryAfter: header("Retry-After").flatMap { RetryAfter.seconds($0) })
    }
    // Without a version a later process begins anew.
    state.outcome.validator = state.outcome.isPacked ? Validator() : validator
    if let total = state.outcome.total {
      if let bytes = request.bytes, bytes != total {
        throw .wrongLength(address: address, bytes: total, expected: bytes)
      }
      if total > request.limit { throw .tooLarge(address: address, limit: request.limit) }
    }
    state.isReceiving = true
  }

  private func restart(_ state: inout State) throws(PullFault) {
    guard request.offset > 0 else { return }
    try withFiles { () throws(ArchiveFault) in try file.clear() }
    state.outcome.received = 0
    state.outcome.restarted = true
  }

  /// Whether the server's file is known to be another than the one that was begun.
  private func isOther(_ validator: Validator) -> Bool {
    if let old = request.validator.etag, let new = validator.etag { return old != new }
    if let old = request.validator.modified, let new = validator.modified { return old != new }
    return false
  }

  private static func reason(_ error: any Error) -> String {
    let text = (error as NSError).localizedDescription
    return text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}

/// `bytes 10-99/100`, or `bytes */100`.
struct ContentRange: Equatable {
  var start: Int?
  var total: Int?

  init?(_ text: String) {
    let words = text.split(separator: " ")
    guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
    let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    start = parts[0].split(separator: "-").first.flatMap { Int($0) }
    total = Int(parts[1])
  }
}

/// `Retry-After: 120`, or `Retry-After: Wed, 21 Oct 2026 07:28:00 GMT`.
enum RetryAfter {
  /// How many seconds from `now` on a server asks not to be asked; nil where the text says nothing.
  static func seconds(_ text: String, now: Date = Date()) -> Int? {
    if let seconds = Int(text) { return seconds >= 0 ? seconds : nil }
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(secondsFromGMT: 0)
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    guard let date = format.date(from: text) else { return nil }
    return max(0, Int(date.timeIntervalSince(now).rounded(.up)))
  }
}
