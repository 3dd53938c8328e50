import Aviary
import AviaryArchives
import Foundation

/// Further processes of the same command that run trials of the same study.
struct SearchWorkers {
  /// How many there are beside this process.
  let count: Int

  /// Runs `body` beside the processes, and once more if one of them was killed and left a trial behind.
  ///
  /// - Returns: whether `body` says that it was interrupted.
  func runBeside(_ body: () throws -> Bool) throws -> Bool {
    guard count > 0 else { return try body() }
    let processes = try (0..<count).map { _ in try start() }
    // However this ends, no process goes on alone.
    defer { for process in processes where process.isRunning { process.terminate() } }
    if try body() {
      for process in processes where process.isRunning { process.terminate() }
      for process in processes { process.waitUntilExit() }
      return true
    }
    for process in processes { process.waitUntilExit() }
    let lost = processes.count { $0.terminationStatus != 0 }
    if lost > 0 { tell("\(lost) of \(count) other processes ended early; this one runs what is left") }
    return try body()
  }

  private func start() throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: WeightsFolder.executablePath)
    process.arguments = Array(PathText.arguments.dropFirst()) + ["--worker"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }
}
