import AviaryArchives
import AviaryHDF5

/// Why a checkpoint cannot be read, written, or loaded into a network.
public enum CheckpointFault: ArchiveFaultCarrying, Equatable, Sendable, CustomStringConvertible {
  // The file.
  /// The file, or an archive inside it, is missing, cut short or damaged.
  case archive(ArchiveFault)
  /// The HDF5 structure is damaged or refused.
  case hdf5(HDF5Fault)
  /// The pickle is damaged or refused.
  case pickle(PickleFault)
  /// A NumPy array is damaged or refused.
  case numPy(NumPyFault)
  /// The first bytes are not those of a format that Aviary reads.
  case unknownFormat(path: String)
  /// A valid file of a kind that Aviary does not read.
  case unsupported(path: String, what: String)
  /// The extension of an output file is not that of a format that Aviary writes.
  case unknownOutput(path: String)

  // What is in it.
  /// A header contradicts itself or the file.
  case malformed(path: String, part: String, reason: String)
  /// A tensor's shape, type and bytes do not fit together, or it reaches outside its storage.
  case badTensor(path: String, tensor: String, reason: String)
  /// A tensor would take more memory than its file can account for.
  case tooLarge(path: String, tensor: String, bytes: Int, limit: Int)
  /// Two tensors have one name.
  case duplicateTensor(path: String, tensor: String)
  /// Two tensors have one name, in a file or in the model that it is for; both are described.
  case sameName(path: String, name: String, first: String, second: String)
  /// A whole PyTorch module was pickled, code and all, instead of its state dictionary.
  case wholeModule(path: String, module: String)
  /// The file is well-formed and holds no tensors.
  case noTensors(path: String)
  /// The checksum of a tensor does not match its bytes.
  case checksum(path: String, tensor: String, stored: UInt32, computed: UInt32)
  /// The file was written by a later version of the format.
  case newerVersion(path: String, version: Int, supported: Int)

  // Writing.
  /// A name that cannot be a path in an Aviary file.
  case forbiddenName(path: String, tensor: String, reason: String)
  /// The format cannot hold arrays of this type.
  case unwritableType(path: String, tensor: String, dtype: Dtype)

  // Fitting to a network.
  /// No tensor of the checkpoint has a name of the network's.
  case nothingMatched(path: String, expected: [String], found: [String])
  /// Tensors are missing, unexpected, or of another shape, which was not allowed.
  case mismatch(path: String, report: LoadReport)
  /// The value of a setting is out of range, or the network has no such setting.
  case badSetting(path: String, setting: String, value: Double)
  /// A pattern of allowed differences matches no path.
  case patternMatchesNothing(pattern: String)
  /// A table of positions or the like is not the network's own, so that the weights mean something else.
  case otherIndices(path: String, tensor: String)

  // Converting.
  /// A pattern of matrices to transpose matches none.
  case nothingToTranspose(pattern: String)
  /// A renaming rule is not a regular expression, or not written REGEX=REPLACEMENT.
  case badRename(rule: String, reason: String)
  /// Two tensors have one name after renaming.
  case renameCollides(tensor: String, first: String, second: String)
  /// Order and shapes of a file's tensors are not those of the network.
  case structure(path: String, reason: String)
  /// Checkpoints to be averaged do not have the same tensors.
  case differs(path: String, from: String, reason: String)
  /// A Keras layer's arrays do not fit the layer of the network that its name leads to.
  case kerasLayer(path: String, layer: String, reason: String)

  /// The floating-point types that `convert` makes and a format stores: NumPy's has no bfloat16.
  private static func floats(storedIn path: String) -> String {
    path.lowercased().hasSuffix(".npz") ? "f32 or f16" : "f32, f16 or bf16"
  }

  public var description: String {
    switch self {
    case .archive(let fault): fault.description
    case .hdf5(let fault): fault.description
    case .pickle(let fault): fault.description
    case .numPy(let fault): fault.description
    case .unknownFormat(let path):
      "\(path): not a checkpoint: its first bytes are not those of HDF5, ZIP, tar, pickle, safetensors or NumPy"
    case .unsupported(let path, let what): "\(path): \(what)"
    case .unknownOutput(let path): "\(path): unknown extension; use .h5, .safetensors, .pth or .npz"
    case .malformed(let path, let part, let reason): "\(path): damaged: \(part): \(reason)"
    case .badTensor(let path, let tensor, let reason): "\(path): damaged: tensor '\(tensor)': \(reason)"
    case .tooLarge(let path, let tensor, let bytes, let limit):
      "\(path): refused: tensor '\(tensor)' would take \(bytes) bytes, more than the \(limit) that the file accounts for"
    case .duplicateTensor(let path, let tensor): "\(path): damaged: two tensors are called '\(tensor)'"
    case .sameName(let path, let name, let first, let second):
      "\(path): two parts have the name '\(name)': \(first) and \(second); give each a name of its own"
    case .wholeModule(let path, let module):
      "\(path): a pickled module (\(module)) that needs its Python code; "
        + "save it again with torch.save(model.state_dict(), …)"
    case .noTensors(let path): "\(path): holds no tensors"
    case .checksum(let path, let tensor, let stored, let computed):
      "\(path): damaged: tensor '\(tensor)' has CRC-32C \(hexadecimal(computed)) instead of \(hexadecimal(stored))"
    case .newerVersion(let path, let version, let supported):
      "\(path): format version \(version) is newer than \(supported), which this Aviary reads; use a newer Aviary"
    case .forbiddenName(let path, let tensor, let reason):
      "\(path): tensor '\(tensor)' cannot be stored: \(reason); give it another name with --rename"
    case .unwritableType(let path, let tensor, let dtype):
      "\(path): tensor '\(tensor)' is \(dtype.rawValue), which this format cannot store"
        + (dtype.isFloatingPoint ? "; convert it with --dtype \(Self.floats(storedIn: path))" : "")
    case .nothingMatched(let path, let expected, let found):
      "\(path): no tensor has a name of the network: the file has \(listed(found)), the network \(listed(expected)); "
        + "is it another architecture?"
    case .mismatch(let path, let report): "\(path): does not fit the network: \(report.problems)"
    case .badSetting(let path, let setting, let value):
      "\(path): \(setting) = \(value): the network has no such setting, or the value is out of range"
    case .otherIndices(let path, let tensor):
      "\(path): tensor '\(tensor)' is not the table that the network computes; the weights are of another network"
    case .patternMatchesNothing(let pattern): "pattern '\(pattern)' matches no tensor"
    case .nothingToTranspose(let pattern): "--transpose '\(pattern)': matches no tensor of two axes"
    case .badRename(let rule, let reason): "--rename '\(rule)': \(reason)"
    case .renameCollides(let tensor, let first, let second):
      "'\(first)' and '\(second)' would both be called '\(tensor)'; give them other names with --rename"
    case .structure(let path, let reason): "\(path): by structure: \(reason)"
    case .differs(let path, let other, let reason): "\(path): cannot be averaged with \(other): \(reason)"
    case .kerasLayer(let path, let layer, let reason): "\(path): layer '\(layer)': \(reason)"
    }
  }
}

/// Runs `body` and reports an archive's fault as a checkpoint's.
func archived<Result>(_ body: () throws(ArchiveFault) -> Result) throws(CheckpointFault) -> Result {
  do { return try body() } catch { throw .archive(error) }
}

/// Runs `body` and reports an HDF5 fault as a checkpoint's.
func hdf5<Result>(_ body: () throws(HDF5Fault) -> Result) throws(CheckpointFault) -> Result {
  do { return try body() } catch { throw .hdf5(error) }
}

private func hexadecimal(_ value: UInt32) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 8 - digits.count) + digits
}

/// The first few of many names.
func listed(_ names: [String], limit: Int = 4) -> String {
  if names.isEmpty { return "none" }
  let shown = names.prefix(limit).map { "'\($0)'" }.joined(separator: ", ")
  return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
}
