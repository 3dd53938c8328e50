import Aviary
import AviaryArchives
import Foundation

/// Runs parts of the measurement in processes of their own, in a temporary folder that goes whatever happens.
final class GrowthProcess {
  /// The folder.
  let folder: String
  private let threads: Int

  /// - Parameter place: the folder to make it in.
  init(in place: String, threads: Int) throws {
    folder = place + "/aviary-growth-\(ProcessInfo.processInfo.processIdentifier)"
    self.threads = threads
    try FileSystem.createFolder(folder)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Removes everything in the folder.
  func clear() throws {
    try FileManager.default.removeItem(atPath: folder)
    try FileSystem.createFolder(folder)
  }

  /// Prepares the input of a size.
  func prepare(_ axis: GrowthAxis, size: Int) throws { _ = try run([axis.name, "\(size)", folder]) }

  /// Measures a work at a size: of short ones, the least of three processes.
  func measure(_ axis: GrowthAxis, _ work: Int, size: Int) throws -> GrowthSeries.Point {
    var least: GrowthSeries.Point?
    for _ in 0..<3 {
      for output in axis.works[work].outputs.map({ GrowthAxis.path($0, in: folder) }) where FileSystem.exists(output) {
        try FileManager.default.removeItem(atPath: output)
      }
      let point = try measured(axis, work, size)
      least = GrowthSeries.Point(
        size: size, seconds: min(point.seconds, least?.seconds ?? .infinity),
        bytes: min(point.bytes, least?.bytes ?? .max))
      if point.seconds > 0.5 { break }
    }
    return least ?? GrowthSeries.Point(size: size, seconds: 0, bytes: 0)
  }

  private func measured(_ axis: GrowthAxis, _ work: Int, _ size: Int) throws -> GrowthSeries.Point {
    let result = try run([axis.name, "\(size)", folder, "--work", "\(work)"])
    guard let value = try? JSONValue(parsing: result), let seconds = value["seconds"]?.double,
      let bytes = value["bytes"]?.integer
    else { throw GrowthFault.failed("the process has said nothing") }
    return GrowthSeries.Point(size: size, seconds: seconds, bytes: bytes)
  }

  /// Runs a part, and returns what it wrote to the file of results.
  private func run(_ arguments: [String]) throws -> String {
    let (result, errors) = (folder + "/result.json", folder + "/errors.txt")
    try FileSystem.write([], to: errors)
    let process = Process()
    process.executableURL = URL(filePath: WeightsFolder.executablePath)
    process.arguments = [GrowthPartCommand.name] + arguments + ["--threads", "\(threads)", "--result", result]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
    while process.isRunning {
      if Interruption.isRequested {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        throw GrowthFault.interrupted
      }
      usleep(2000)
    }
    guard !Interruption.isRequested else { throw GrowthFault.interrupted }
    guard process.terminationReason == .exit else {
      throw GrowthFault.failed("the process was ended by signal \(process.terminationStatus)")
    }
    guard process.terminationStatus == 0 else {
      let text = String(decoding: FileManager.default.contents(atPath: errors) ?? Data(), as: UTF8.self)
      let line = text.split(separator: "\n").last { $0.hasPrefix("error: ") }
      throw GrowthFault.failed(line.map { String($0.dropFirst(7)) } ?? "the process failed")
    }
    return String(decoding: FileManager.default.contents(atPath: result) ?? Data(), as: UTF8.self)
  }
}

/// Why something was not measured.
enum GrowthFault: Error, CustomStringConvertible {
  /// Somebody asked to stop.
  case interrupted
  /// A process failed.
  case failed(String)

  var description: String {
    switch self {
    case .interrupted: "interrupted"
    case .failed(let reason): reason
    }
  }
}
