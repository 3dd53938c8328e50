import Foundation
import Testing

/// The built executable, run as a person runs it.
enum BuiltTool {
  struct Outcome {
    let status: Int32
    /// Standard output.
    let output: String
    /// Standard error.
    let errors: String

    var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// The last line as JSON.
    func json(sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
      let last = try #require(lines.last, "no output; standard error: \(errors)", sourceLocation: sourceLocation)
      let value = try JSONSerialization.jsonObject(with: Foundation.Data(last.utf8))
      return try #require(value as? [String: Any], sourceLocation: sourceLocation)
    }
  }

  static let path = path(of: "aviary")

  /// An executable beside the test bundle, in the build folder.
  private static func path(of name: String) -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let bundles = Bundle.allBundles.map(\.bundlePath).filter { $0.hasSuffix(".xctest") }
    let folders = ([own] + bundles + [CommandLine.arguments[0]]).map {
      URL(fileURLWithPath: $0).deletingLastPathComponent().path
    }
    let found = folders.map { $0 + "/" + name }.first { FileManager.default.isExecutableFile(atPath: $0) }
    return found ?? "\(name) is not beside the tests"
  }

  /// Runs `aviary-bench`.
  static func bench(
    _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:], seconds: Double = 120
  ) throws -> Outcome {
    try run(arguments, of: path(of: "aviary-bench"), in: folder, environment: environment, seconds: seconds)
  }

  /// Runs the tool, and kills it after `seconds`, which its status then shows.
  static func run(
    _ arguments: [String], of path: String = path, in folder: String? = nil, environment: [String: String] = [:],
    seconds: Double = 120,
    whileRunning: (Process) -> Void = { _ in }
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    process.environment = ProcessInfo.processInfo.environment.merging(["COLUMNS": "80", "AVIARY_WEIGHTS": ""]) { $1 }
      .merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    // Files, not pipes: nobody has to read while the process writes.
    let scratch = try ScratchFolder()
    let files = [scratch / "output", scratch / "errors"]
    for file in files { try Data().write(to: URL(fileURLWithPath: file)) }
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    try process.run()
    whileRunning(process)
    let end = Date().addingTimeInterval(seconds)
    while process.isRunning, Date() < end { usleep(5000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    let texts = files.map { String(decoding: FileManager.default.contents(atPath: $0) ?? Data(), as: UTF8.self) }
    let status = process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
    return Outcome(status: status, output: texts[0], errors: texts[1])
  }
}

/// A folder of its own that goes when the value does.
final class ScratchFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  static func / (folder: ScratchFolder, name: String) -> String { folder.path + "/" + name }

  /// Writes a text file and returns its path.
  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: self / name))
    return self / name
  }

  /// Everything in the folder, hidden files included.
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// Checks that the work failed with one line that contains `texts`.
func expectFault(
  _ outcome: BuiltTool.Outcome, _ texts: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.status == 1, "standard error: \(outcome.errors)", sourceLocation: sourceLocation)
  let lines = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
  #expect(lines.count == 1, "standard error: \(outcome.errors)", sourceLocation: sourceLocation)
  for text in texts { #expect(outcome.errors.contains(text), sourceLocation: sourceLocation) }
}
