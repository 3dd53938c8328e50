import AviaryPlatform

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The process that runs a trial, so that another one can tell that it is gone.
struct StudyWorker: Equatable {
  /// The machine since its last start, and the space of its process numbers, which containers have of their own.
  let machine: String
  let process: Int32
  /// When the process began, since numbers are given again; empty where the system does not say.
  let began: String

  static let current = StudyWorker(
    machine: machineName, process: ProcessInfo.processInfo.processIdentifier,
    began: beginning(of: ProcessInfo.processInfo.processIdentifier) ?? "")

  init(machine: String, process: Int32, began: String) {
    self.machine = machine
    self.process = process
    self.began = began
  }

  /// nil for a text that `text` did not make.
  init?(_ text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, let process = Int32(parts[1]), process > 0 else { return nil }
    self.init(machine: String(parts[0]), process: process, began: String(parts[2]))
  }

  var text: String { "\(machine) \(process) \(began)" }

  /// Whether the process ended, as far as this machine can know.
  var isGone: Bool {
    guard machine == Self.current.machine else { return false }
    if kill(process, 0) != 0, errno == ESRCH { return true }
    guard !began.isEmpty, let now = Self.beginning(of: process) else { return false }
    return now != began
  }

  private static let machineName: String = {
    let start = text(of: "/proc/sys/kernel/random/boot_id") ?? ""
    let numbers = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    return (ProcessInfo.processInfo.hostName + "/" + start + "/" + numbers).filter { !$0.isWhitespace }
  }()

  /// The 22nd field of /proc/N/stat, counted behind the name, which may hold anything.
  private static func beginning(of process: Int32) -> String? {
    guard let text = text(of: "/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[end...].split(separator: " ")
    return fields.count > 20 ? String(fields[20]) : nil
  }

  private static func text(of path: String) -> String? {
    (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) }
  }
}
