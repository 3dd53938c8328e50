import ArgumentParser
import Aviary
import AviaryArchives
import Foundation

/// What a command may write over: a file that the same command could have written there.
struct OverwriteOptions: ParsableArguments {
  @Flag(help: "Write over an existing file of another kind, too.") var force = false

  /// What a command writes.
  enum Output {
    /// A checkpoint with tensors of these names in the format of the file's extension.
    case checkpoint([String])
    /// A file of features.
    case features
    /// Samples of a network that learned without labels.
    case samples
    /// An .npz file of these arrays.
    case arrays([String])
    /// A PNG file.
    case picture
    /// An ONNX file.
    case onnx
  }

  /// Refuses to write over a file that holds something else. A file that does not exist or is empty may be written.
  func check(_ path: String, for output: Output) throws(CommandFault) {
    guard !force, Self.hasContent(path) else { return }
    if case .picture = output {
      guard FileSystem.beginning(of: path, count: 4) == [0x89, 0x50, 0x4e, 0x47] else {
        throw .wouldOverwrite(path: path, found: "not a picture")
      }
      return
    }
    if case .onnx = output {
      // The version of the format, and who made the file.
      let beginning = FileSystem.beginning(of: path, count: 3)
      guard beginning.count == 3, beginning[0] == 0x08, beginning[2] == 0x12 else {
        throw .wouldOverwrite(path: path, found: "not an ONNX file")
      }
      return
    }
    let found: Checkpoint
    do { found = try Checkpoint.read(from: path, options: .init(verify: false)) } catch {
      throw .wouldOverwrite(path: path, found: "not a checkpoint that can be read")
    }
    switch output {
    case .samples:
      guard found["samples"] != nil, found["means"] != nil else {
        throw .wouldOverwrite(path: path, found: "not a file of samples")
      }
    case .features:
      guard found["features"] != nil, found["labels"] ?? found["free_energies"] != nil else {
        throw .wouldOverwrite(path: path, found: "not a file of features")
      }
    case .arrays(let names):
      guard found.format == .numPyArchive, Set(found.paths).isSuperset(of: names) else {
        throw .wouldOverwrite(path: path, found: "a file of other arrays")
      }
    case .picture, .onnx: break
    case .checkpoint(let names):
      guard Self.formats(of: path).contains(found.format) else {
        throw .wouldOverwrite(path: path, found: "a file of another kind (\(found.format.rawValue))")
      }
      // Such a file has nothing but names to tell weights from data.
      if found.format == .numPyArchive, found.paths.count != names.count || !names.allSatisfy({ found[$0] != nil }) {
        throw .wouldOverwrite(path: path, found: "an archive of other arrays")
      }
    }
  }

  private static func hasContent(_ path: String) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(
      atPath: URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false))
    return attributes?[.type] as? FileAttributeType == .typeRegular && attributes?[.size] as? Int != 0
  }

  /// The formats that are written under a name.
  private static func formats(of path: String) -> [Checkpoint.Format] {
    let name = path.lowercased()
    if name.hasSuffix(".weights.h5") { return [.kerasWeights] }
    if name.hasSuffix(".safetensors") { return [.safetensors] }
    if name.hasSuffix(".npz") { return [.numPyArchive] }
    if name.hasSuffix(".h5") || name.hasSuffix(".hdf5") { return [.aviary] }
    return [.pytorchZip, .pytorchLegacy, .pytorchTar]
  }
}
