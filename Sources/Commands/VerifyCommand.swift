import ArgumentParser
import Aviary

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check checkpoints: structure, and every checksum.",
    discussion: """
      Aviary's own files have a checksum for every tensor, ZIP archives (.pth .keras .npz) one for every member; of \
      others it is checked that every tensor can be read. Files are copied, never mapped. Exit code 1 where a file is \
      bad, and the first fault of each bad file on standard error.
      """)

  @Argument(help: ArgumentHelp("The checkpoints.", valueName: "file")) var files: [String]

  func run() throws {
    var isBad = false
    for file in files {
      do {
        show("\(file): \(try Self.verify(file))")
      } catch {
        complain(error)
        isBad = true
      }
    }
    if isBad { throw ExitCode.failure }
  }

  /// What was found to be right, in words.
  static func verify(_ file: String) throws -> String {
    let checkpoint = try Checkpoint.read(
      from: file, options: .init(map: false, verify: true, readsEverything: true))
    if let first = checkpoint.damage.first { throw CommandFault.damaged(path: file, first: first) }
    let tensors = counted(checkpoint.entries.count, "tensor")
    switch checkpoint.format {
    case .aviary: break
    case .pytorchZip, .kerasArchive, .numPyArchive:
      return "ok, \(checkpoint.format.rawValue), \(tensors) can be read, the CRC-32 of every member matches"
    default:
      return "ok, \(checkpoint.format.rawValue), \(tensors) can be read; the format has no checksum for each tensor"
    }
    guard let name = checkpoint.metadata.architecture,
      let architecture = try? AviaryCommand.registry.architecture(named: name)
    else { return "ok, \(tensors), checksums match" }
    let model = try architecture.build(configuration: checkpoint.metadata.configuration)
    _ = try checkpoint.match(
      cells: model.cellDescriptions, settings: model.settingDescriptions, headPath: model.headPath, path: file)
    return "ok, \(tensors), checksums match, fits \(name)"
  }
}
