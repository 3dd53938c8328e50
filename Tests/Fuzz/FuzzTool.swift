import ArgumentParser
import Aviary
import Foundation

/// Feeds a reader with damaged files. A reader that traps, hangs or takes too much memory ends the process; the seed that it
/// was at stands in the progress file, from which `tools/fuzz` goes on.
@main
struct FuzzTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aviary-fuzz", abstract: "Feed a reader with damaged files; see tools/fuzz.")

  @Argument(help: "The reader: \(FuzzedReader.allCases.map(\.rawValue).joined(separator: ", ")).") var reader: String
  @Option(help: "The first seed.") var seed: UInt64 = 0
  @Option(help: "How many seeds.") var count: UInt64 = 1000
  @Option(help: "A folder of well-formed files; may be given again.") var corpus: [String] = []
  @Option(help: "The file that the current seed is written to.") var progress: String?
  @Option(help: "Write the damaged file of the first seed here, and read nothing.") var write: String?

  /// Seconds of processor time that one file may take, which do not depend on what else the machine does; and seconds in all,
  /// for a reader that waits.
  static let patience = (processor: 2, clock: UInt32(60))
  /// The most memory that the process may have come to, in KiB.
  static let memory = 256 << 10

  func run() throws {
    guard let reader = FuzzedReader(rawValue: reader) else { throw ValidationError("there is no reader '\(reader)'") }
    let files = try reader.corpus(corpus)
    guard !files.isEmpty else { throw ValidationError("--corpus: no file there is for \(reader.rawValue)") }
    if let write {
      try Data(Self.mutant(of: files, seed: seed)).write(to: URL(filePath: write))
      return
    }
    let scratch = FileManager.default.temporaryDirectory.appending(path: "aviary-fuzz-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    for seed in seed..<seed + count {
      if let progress { try Data("\(seed)\n".utf8).write(to: URL(filePath: progress)) }
      Self.watch(true)
      try reader.read(Self.mutant(of: files, seed: seed), file: scratch)
      Self.watch(false)
      if Compute.peakKilobytes > Self.memory {
        print("seed \(seed): the process has come to \(Compute.peakKilobytes >> 10) MiB")
        throw ExitCode(3)
      }
    }
  }

  /// Begins or ends the time in which signals end the process.
  private static func watch(_ isWatched: Bool) {
    var time = itimerval()
    time.it_value.tv_sec = isWatched ? patience.processor : 0
    // ITIMER_PROF, which Glibc has as an enumeration and others as a number.
    unsafe setitimer(2, &time, nil)
    alarm(isWatched ? patience.clock : 0)
  }

  /// The damaged file of a seed: one of the files, changed.
  static func mutant(of files: [[UInt8]], seed: UInt64) -> [UInt8] {
    var mutator = Mutator(seed: seed)
    return mutator.mutated(files[mutator.number(below: files.count)], others: files)
  }
}
