import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5

/// Named arrays with what is known about them: the weights of a model, as a file stores them.
public struct Checkpoint: Sendable {
  /// One named array.
  public struct Entry: Sendable {
    /// Dotted, as in `layer1.0.conv1.weight`; a foreign file's own name otherwise.
    public let path: String
    /// The shape, element type and bytes.
    public let array: StoredArray

    /// An array under a path.
    public init(_ path: String, _ array: StoredArray) {
      self.path = path
      self.array = array
    }
  }

  /// What kind of file it was read from.
  public enum Format: String, Sendable {
    /// Aviary's own file: see `Weights/FORMAT.md`.
    case aviary = "Aviary HDF5"
    /// A Keras model in one HDF5 file.
    case kerasHDF5 = "Keras HDF5"
    /// The weights of a Keras 3 model, `.weights.h5`.
    case kerasWeights = "Keras 3 weights HDF5"
    /// A Keras 3 model, `.keras`.
    case kerasArchive = "Keras 3 archive"
    /// An HDF5 file of another program.
    case hdf5 = "HDF5"
    /// A PyTorch file since version 1.6.
    case pytorchZip = "PyTorch zip"
    /// A PyTorch file of earlier versions.
    case pytorchLegacy = "PyTorch legacy"
    /// A PyTorch file of the first versions.
    case pytorchTar = "PyTorch tar"
    /// A Python pickle with arrays, which no code of the file is run to read.
    case pickle = "Python pickle"
    /// A safetensors file, or several with their index.
    case safetensors = "safetensors"
    /// A NumPy archive of arrays.
    case numPyArchive = "NumPy npz"
    /// A NumPy file of one array.
    case numPy = "NumPy npy"
    /// Made in memory.
    case memory = "memory"
  }

  /// The kind of file that it was read from, or that it is in memory.
  public var format: Format = .memory
  /// What is known about the weights.
  public var metadata = Metadata()
  /// What training needs to resume, where the file has it.
  public var trainingState: TrainingState?
  /// The layers of a Keras file, for `mapped(onto:)`.
  public var kerasModel: KerasModel?
  /// What a hub's `config.json` beside the file says of it.
  public var hub: HubDescription?
  /// Objects of the file that are not listed, each with the reason.
  public var notes: [String] = []
  /// What is to be said where the network is trained further, and changes none of its outputs: what its own program does in
  /// training and Aviary does not.
  public var trainingNotes: [String] = []
  /// Objects of the file that may be arrays and were not read.
  public var unreadable: [Unreadable] = []
  /// What an HDF5 file holds beside arrays of numbers, where it was read to be listed (`ReadOptions.unpacking`).
  public internal(set) var objects: [ListedObject] = []
  /// The attributes of an HDF5 file of another program, where it was read to be listed.
  public internal(set) var attributes: [ListedAttribute] = []
  /// Parts of the file that are damaged, each with what is wrong; the others were read.
  public var damage: [String] = []
  /// How the arrays were made that the file has in another form; `LoadReport` lists them.
  public package(set) var conversions: [LoadReport.Conversion] = []

  /// The arrays, in the order of the file or the model.
  public private(set) var entries: [Entry] = []
  private var places = ExactDictionary<Int>()
  /// The files that are read in pieces, with the arrays.
  var files: [MappedFile] = []
  /// The first name that `append` was given twice, and a description of each value.
  private var collision: (name: String, first: String, second: String)?

  /// A checkpoint without arrays.
  public init() {}

  /// The array of a path.
  public subscript(path: String) -> StoredArray? {
    places[path].map { entries[$0].array }
  }

  /// The paths of the arrays, in their order.
  public var paths: [String] { entries.map(\.path) }

  /// Adds an array at the end, or replaces the array with that path in its place.
  public mutating func set(_ array: StoredArray, at path: String) {
    if let place = places[path] {
      entries[place] = Entry(path, array)
    } else {
      places[path] = entries.count
      entries.append(Entry(path, array))
    }
  }

  /// Adds an array of a model. If the path is taken, the checkpoint can no longer be written: `write` throws a fault that
  /// describes both.
  public mutating func append(_ array: StoredArray, at path: String) {
    if let first = self[path], collision == nil { collision = (path, Self.described(first), Self.described(array)) }
    _ = add(array, at: path)
  }

  /// Adds a setting of a layer in the same way.
  public mutating func append(setting value: Double, at path: String) {
    if let first = metadata.settings[path], collision == nil { collision = (path, "\(first)", "\(value)") }
    metadata.settings[path] = value
  }

  private static func described(_ array: StoredArray) -> String { "\(array.dtype.rawValue) \(array.shape)" }

  /// Refuses a checkpoint in which two arrays would have one name.
  func requireDistinctNames(path: String) throws(CheckpointFault) {
    guard let collision else { return }
    throw .sameName(path: path, name: collision.name, first: collision.first, second: collision.second)
  }

  /// Makes room for so many arrays.
  mutating func reserveCapacity(_ count: Int) {
    entries.reserveCapacity(count)
    if places.isEmpty { places = ExactDictionary(capacity: count) }
  }

  /// Adds an array whose path must be new; reports whether it was.
  mutating func add(_ array: StoredArray, at path: String) -> Bool {
    guard places[path] == nil else { return false }
    set(array, at: path)
    return true
  }

  /// The same with other arrays.
  func replacingEntries(_ replacement: [Entry]) -> Checkpoint {
    var result = self
    result.entries = []
    result.places = ExactDictionary()
    for entry in replacement { result.set(entry.array, at: entry.path) }
    return result
  }

  /// Reads a checkpoint of any format, which is detected by content, not by name.
  public static func read(
    from path: String, options: ReadOptions = ReadOptions()
  ) throws(CheckpointFault) -> Checkpoint {
    let checkpoint = try readAsStored(from: path, options).described(beside: path)
    // The names in Aviary's own files are those of a network's own parameters.
    guard options.effectiveWeights, checkpoint.format != .aviary else { return checkpoint }
    return checkpoint.withEffectiveWeights()
  }

  private static func readAsStored(from path: String, _ options: ReadOptions) throws(CheckpointFault) -> Checkpoint {
    let file: MappedFile
    do { file = try MappedFile(path: path, access: options.access) } catch { throw .archive(error) }
    guard case .never = options.unpacking else { return try read(file, path, options) }
    do throws(CheckpointFault) {
      var checkpoint = try read(file, path, options)
      checkpoint.files.append(file)
      return checkpoint
    } catch {
      // Zeros stand for what could not be read, and may look like damage.
      do { try file.requireIntact() } catch { throw .archive(error) }
      throw error
    }
  }

  private static func read(
    _ file: MappedFile, _ path: String, _ options: ReadOptions
  ) throws(CheckpointFault) -> Checkpoint {
    // HDF5 may begin at any power of two, and so do the weights in a .keras archive by chance.
    if HDF5Reader.matches(file.bytes), !ZipArchive.matches(file.bytes) {
      let reader: HDF5Reader
      do { reader = try HDF5Reader(bytes: file.bytes, path: path, follow: options.follow) } catch { throw .hdf5(error) }
      return try readHDF5(reader, options)
    }
    if NumPyArchive.matches(file.bytes) { return try NumPyCheckpoint.read(archive: file.bytes, path, options) }
    if ZipArchive.matches(file.bytes) {
      let archive: ZipArchive
      do { archive = try ZipArchive(file.bytes, path: path) } catch { throw .archive(error) }
      if options.verify { try archived { () throws(ArchiveFault) in try archive.verify() } }
      if archive.member(named: "model.weights.h5") != nil { return try readKerasArchive(archive, path, options) }
      if archive.member(named: "model.weights.npz") != nil {
        throw .unsupported(
          path: path, what: "keeps its weights as pickles in model.weights.npz; save it again with model.save(…)")
      }
      if archive.members.contains(where: { $0.name.hasSuffix(".npy") }),
        !archive.members.contains(where: { $0.name.hasSuffix("data.pkl") })
      {
        return try NumPyCheckpoint.read(archive: file.bytes, path, options)
      }
      return try PyTorchFile.read(archive, path: path, weightsKey: options.weightsKey)
    }
    if KerasShards.matches(file.bytes, path: path) { return try KerasShards.read(file.bytes, path: path, options) }
    if SafetensorsFile.matches(file.bytes) { return try SafetensorsFile.read(file.bytes, path: path) }
    if PyTorchFile.matchesLegacy(file.bytes) {
      return try PyTorchFile.readLegacy(file.bytes, path: path, weightsKey: options.weightsKey)
    }
    if NumPyCheckpoint.matches(file.bytes) { return try NumPyCheckpoint.read(array: file.bytes, path) }
    if ShardIndex.matches(file.bytes) { return try ShardIndex(file.bytes, path: path).read(options) }
    if TarArchive.matches(file.bytes) {
      return try PyTorchFile.readTar(file.bytes, path: path, weightsKey: options.weightsKey)
    }
    if file.bytes.count == 0 {
      throw .archive(.empty(path: path))
    }
    if PyTorchFile.matchesPickle(file.bytes) {
      return try PyTorchFile.readPickle(file.bytes, path: path, weightsKey: options.weightsKey)
    }
    if let foreign = ForeignFile(file.bytes) { throw .unsupported(path: path, what: foreign.advice) }
    throw .unknownFormat(path: path)
  }

  /// Writes a checkpoint; the extension of `path` decides the format: `.h5` or `.hdf5`, `.safetensors`, PyTorch's `.pth`
  /// or `.pt`, or NumPy's `.npz`, which keeps the arrays only. Quantized weights stay integers in Aviary's own file and
  /// become floating-point numbers in the others.
  public func write(to path: String) throws(CheckpointFault) {
    try requireDistinctNames(path: path)
    let name = path.lowercased()
    if name.hasSuffix(".weights.h5") {
      throw .unsupported(
        path: path, what: "Keras weights can be written only of a network from a Keras file; use .h5 or .safetensors")
    } else if name.hasSuffix(".h5") || name.hasSuffix(".hdf5") {
      try writeAviary(to: path)
    } else if name.hasSuffix(".safetensors") {
      try SafetensorsFile.write(dequantized(), to: path)
    } else if [".pth", ".pt", ".pth.tar"].contains(where: name.hasSuffix) {
      try PyTorchWriter.write(dequantized(), to: path)
    } else if name.hasSuffix(".npz") {
      try NumPyCheckpoint.write(dequantized(), to: path)
    } else {
      throw .unknownOutput(path: path)
    }
  }

  /// The same with floating-point arrays in another type. Batch-norm statistics stay Float32, since a variance does
  /// not survive 11 bits; integers stay what they are. `target` must be float32, float16 or bfloat16.
  public func cast(to target: Dtype) -> Checkpoint {
    let known = kerasModel?.statisticPaths ?? ExactSet()
    return replacingEntries(
      entries.map { Entry($0.path, $0.array.cast(to: Self.storedType($0.path, known, target))) })
  }

  /// An array with finite numbers that another type does not hold.
  public struct Overflow: Equatable, Sendable {
    /// Its path.
    public let path: String
    /// How many numbers would become infinite.
    public let count: Int
  }

  /// The arrays with finite numbers that are infinite in another type, each with how many, as `cast(to:)` would store them.
  public func overflows(castTo target: Dtype) -> [Overflow] {
    let known = kerasModel?.statisticPaths ?? ExactSet()
    return entries.compactMap { entry in
      let count = entry.array.overflows(castTo: Self.storedType(entry.path, known, target))
      return count == 0 ? nil : Overflow(path: entry.path, count: count)
    }
  }

  private static func storedType(_ path: String, _ known: ExactSet, _ target: Dtype) -> Dtype {
    namesStatistic(path) || known.contains(path) ? .float32 : target
  }

  /// Whether a path ends with a name that PyTorch or Keras gives batch-norm statistics: `bn1.running_var`,
  /// `bn/moving_mean:0`, Keras 1's `bn_running_std`.
  private static func namesStatistic(_ path: String) -> Bool {
    let last = path.split(whereSeparator: { $0 == "/" || $0 == "." }).last ?? ""
    let name = last.prefix { $0 != ":" }
    return ["running_mean", "running_var", "running_std", "moving_mean", "moving_variance"]
      .contains { name == $0 || name.hasSuffix("_" + $0) }
  }
}
