import AviaryCheckpoints

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where the server says what it does: a line of JSON for each event.
package struct ServingLog: Sendable {
  package enum Level: String, Sendable, CaseIterable, Comparable {
    case debug, info, warning, error

    package static func < (a: Level, b: Level) -> Bool {
      (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
    }
  }

  package typealias Facts = [(String, JSONValue)]

  let least: Level
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - least: what is less important is not written.
  ///   - write: takes a line without its end.
  package init(least: Level = .info, write: @escaping @Sendable (String) -> Void) {
    self.least = least
    self.write = write
  }

  package func debug(_ message: String, _ facts: Facts = []) { add(.debug, message, facts) }
  package func info(_ message: String, _ facts: Facts = []) { add(.info, message, facts) }
  package func warning(_ message: String, _ facts: Facts = []) { add(.warning, message, facts) }
  package func error(_ message: String, _ facts: Facts = []) { add(.error, message, facts) }

  package func add(_ level: Level, _ message: String, _ facts: Facts) {
    guard level >= least else { return }
    let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    var members: [JSONValue.Member] = [
      .init("time", .text(time)), .init("level", .text(level.rawValue)), .init("message", .text(message)),
    ]
    members += facts.map { .init($0.0, $0.1) }
    write(JSONValue.object(members).serialized)
  }
}
