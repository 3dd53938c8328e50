import ArgumentParser
import Aviary

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Verify the structure and every checksum of checkpoints.",
    discussion: """
      Aviary's own files have a checksum for every tensor, ZIP archives (.pth .keras .npz) one for every member; in other \
      formats, every tensor is read. Files are read in pieces, never memory-mapped, and compressed tensors are unpacked \
      one at a time. The exit code is 1 if a file is bad, and the first fault of each bad file goes to standard error. A \
      file with tensors that cannot be read is bad, and so is one with NaN in a tensor, or with infinities in Aviary's own \
      format; other formats hold infinities in masks, too, and they are named.
      """)

  @Argument(help: ArgumentHelp("The checkpoints.", valueName: "file")) var files: [String]
  @Flag(help: "Print one JSON object: each file with what was verified, or its first fault.") var json = false
  @Flag(help: "Follow external links and virtual datasets of an HDF5 file to files in its folder or below.")
  var follow = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    var isBad = false
    var findings: [JSONValue] = []
    for file in files {
      do {
        let path = try weights.path(of: file)
        let found = try Self.verify(path, follow: follow)
        if !json { show("\(path): \(found)") }
        findings.append(.members(["file": .text(file), "ok": .boolean(true), "verified": .text(found)]))
      } catch {
        complain(error)
        findings.append(.members(["file": .text(file), "ok": .boolean(false), "error": .text("\(error)")]))
        isBad = true
      }
    }
    if json { printJSON(JSONValue.members(["files": .array(findings)])) }
    if isBad { throw ExitCode.failure }
  }

  /// What was verified, in words.
  static func verify(_ file: String, follow: Bool = false) throws -> String {
    let checkpoint = try Checkpoint.read(
      from: file,
      options: .init(
        verify: true, readsEverything: true, follow: follow, unpacking: .never, effectiveWeights: false))
    try checkpoint.check()
    if let first = checkpoint.damage.first { throw CommandFault.damaged(path: file, first: first) }
    if !checkpoint.unreadable.isEmpty { throw CommandFault.unreadable(path: file, objects: checkpoint.unreadable) }
    let tensors = counted(checkpoint.entries.count, "tensor")
    let nonfinite = checkpoint.nonfinite
    if checkpoint.format == .aviary ? !nonfinite.isEmpty : nonfinite.contains(where: { $0.found.notNumbers > 0 }) {
      throw CommandFault.notFinite(path: file, tensors: nonfinite)
    }
    let masks = nonfinite.isEmpty ? "" : "; infinite numbers in " + nonfinite.map { "\($0)" }.joined(separator: ", ")
    switch checkpoint.format {
    case .aviary: break
    case .pytorchZip, .kerasArchive, .numPyArchive:
      return "ok, \(checkpoint.format.rawValue), \(tensors) readable, the CRC-32 of every member matches\(masks)"
    default:
      return "ok, \(checkpoint.format.rawValue), \(tensors) readable; the format has no checksums\(masks)"
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
