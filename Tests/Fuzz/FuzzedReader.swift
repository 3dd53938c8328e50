import Aviary
import AviaryArchives
import AviaryHDF5
import Foundation

/// A reader of strangers' bytes, and what it is fed with.
enum FuzzedReader: String, CaseIterable {
  /// HDF5 as such: every group, attribute and dataset.
  case hdf5
  /// Checkpoints in HDF5, Aviary's and Keras's, and files of features.
  case checkpoints
  /// Keras's whole models, whose configuration becomes a network that is run.
  case keras
  /// ZIP, tar and plain pickles of PyTorch.
  case pytorch
  case safetensors
  /// NumPy's arrays and archives.
  case numpy
  /// What checkpoints say in JSON: configurations of networks, preparations of data, states of runs.
  case configurations
  /// What lies beside weights, and what servers say of them: config.json, lists of files, tables of published files.
  case hub
  /// HDF5 files with links and virtual datasets that lead to other files.
  case links
  /// CSV files and texts, prepared for networks.
  case tables
  /// Tables of JSON objects, in a list or in lines.
  case json
  /// Tables with tabs.
  case tsv
  /// IDX files, and CIFAR's binary files.
  case pictures
  /// Graphs in each of their forms.
  case graphs
  /// Collections of graphs in the TU format.
  case tu
  /// Studies of searches, and other SQLite databases in their place.
  case studies
  /// Bodies and heads of requests to a server.
  case requests

  /// The most bytes of an array that are asked for as a whole.
  private static let largest = 256 << 20

  private var extensions: [String] {
    switch self {
    case .hdf5, .checkpoints: ["h5", "hdf5", "hdf", "he5", "nc"]
    case .keras: ["h5", "hdf5", "keras", "json"]
    case .pytorch: ["pth", "pt", "th", "pkl", "pickle", "p", "tar", "bin"]
    case .safetensors: ["safetensors"]
    case .numpy: ["npz", "npy"]
    case .tables: ["csv"]
    case .configurations, .hub, .links, .pictures, .graphs, .tu, .json, .tsv, .studies, .requests: []
    }
  }

  /// Well-formed files to begin with: those of the folders that the reader is for, and not larger than `largest`.
  func corpus(_ folders: [String], largest: Int = 200_000) throws -> [[UInt8]] {
    switch self {
    case .configurations: return try Self.texts()
    case .hub: return HubTexts.all
    case .links: return FuzzedLinks.corpus(folders)
    case .pictures: return FuzzedPictures.corpus
    case .graphs: return FuzzedGraphs.corpus(folders)
    case .tu: return FuzzedCollections.corpus
    case .studies: return try FuzzedStudies.corpus()
    case .requests: return FuzzedRequests.corpus
    default: break
    }
    var files: [[UInt8]] = []
    for folder in folders where self != .keras || ["keras", "graphs", "texts"].contains(where: folder.hasSuffix) {
      guard let walk = FileManager.default.enumerator(atPath: folder) else { continue }
      let names = walk.compactMap { $0 as? String }.filter { extensions.contains(($0 as NSString).pathExtension) }
      for name in names.sorted() {
        guard let data = FileManager.default.contents(atPath: folder + "/" + name), data.count <= largest else {
          continue
        }
        files.append(Array(data))
      }
    }
    if self == .checkpoints { files.append(try Self.features()) }
    if self == .tables { files += FuzzedTables.corpus }
    if self == .json { files += FuzzedTables.objects }
    if self == .tsv {
      files += FuzzedTables.corpus.map { $0.map { $0 == UInt8(ascii: ",") ? UInt8(ascii: "\t") : $0 } }
    }
    return files
  }

  /// A file of features.
  private static func features() throws -> [UInt8] {
    let path = FileManager.default.temporaryDirectory.appending(path: "features-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try FeatureFile(width: 2, features: [1, 2, 3, 4], labels: [0, 1], indices: [0, 2], key: "key").write(to: path)
    return Array(FileManager.default.contents(atPath: path) ?? Data())
  }

  /// Every network's configuration and the other texts, each headed by a line that says what it is.
  private static func texts() throws -> [[UInt8]] {
    var texts = try Registry.standard.architectures.map {
      "\($0.name)\n" + (try $0.build()).configurationValue.serialized
    }
    let preparation = try InputPreparation.images(.torchvision()).json().serialized
    let table = Table([
      .init("a", .numeric([1, 2, nil, 4])), .init("b", .categorical(["x", "y", "x", "z"])),
      .init("y", .numeric([1, 0, 1, 0])),
    ])
    let columns = try TablePreprocessing(fitting: table, TableSettings(target: "y"))
    let ratings = try Ratings(
      Table(csv: Array("u,i,r\na,x,1\na,y,5\n".utf8), path: ""), RatingSettings(user: "u", item: "i", rating: "r"))
    let counted = try WordPreparation(fitting: table, rows: [0, 1], WordSettings(column: nil, excluded: ["b"]))
    for unlabeled in [
      UnlabeledPreparation.columns(try ColumnUnits(fitting: table, rows: [0, 1], .init())),
      .ratings(
        try RatingPreparation(fitting: ratings, ratings.given, RatingSettings(user: "u", item: "i", rating: "r"))),
      .words(counted),
    ] {
      texts.append("preparation\n" + (try InputPreparation.unlabeled(unlabeled).json().serialized))
    }
    let words = Table([
      .init("t", .categorical(["a b", "c d", "a d"])), .init("u", .categorical(["X Y", "X X", "Y X"])),
      .init("n", .numeric([1, 2, 3])),
    ])
    let sequences: [InputPreparation] = [
      .tags(try TaggingPreprocessing(fitting: words, rows: [0, 1, 2], TaggingSettings(target: "u", column: "t"))),
      .translation(
        try TranslationPreprocessing(
          fitting: words, rows: [0, 1, 2], TranslationSettings(target: "u", column: "t"))),
      .generation(
        try GenerationPreprocessing(fitting: words, rows: [0, 1, 2], GenerationSettings(target: "u"))),
    ]
    texts += try sequences.map { "preparation\n" + (try $0.json().serialized) }
    texts += [
      "preparation\n" + preparation, "preparation\n" + (try InputPreparation.table(columns).json().serialized),
      "preparation\n" + (try InputPreparation.graph(.init(normalizesFeatures: true)).json().serialized),
      "preparation\n" + (try InputPreparation.graphs(FuzzedCollections.known).json().serialized),
      "state\n" + (try LoopState().json().serialized),
    ]
    return texts.map { Array($0.utf8) }
  }

  /// Reads all that there is to be read; faults are what is expected. Whatever else happens ends the process.
  ///
  /// - Parameter file: a path that may be written to, or made a folder.
  func read(_ bytes: [UInt8], file: String) throws {
    switch self {
    case .configurations: return Self.interpret(String(decoding: bytes, as: UTF8.self))
    case .hub: return HubTexts.read(bytes)
    case .requests: return FuzzedRequests.read(bytes)
    case .links: return try FuzzedLinks.read(bytes, folder: file + ".links", with: Self.readAll)
    case .pictures: return try FuzzedPictures.read(bytes, folder: file + ".pictures")
    case .graphs: return try FuzzedGraphs.read(bytes, folder: file + ".graph")
    case .tu: return try FuzzedCollections.read(bytes, folder: file + ".graphs")
    case .tables: return try FuzzedTables.read(bytes, file: file)
    case .studies: return try FuzzedStudies.read(bytes, file: file + ".sqlite")
    case .json: return try FuzzedTables.read(bytes, file: file + ".json")
    case .tsv: return try FuzzedTables.read(bytes, file: file + ".tsv")
    default: break
    }
    try Data(bytes).write(to: URL(filePath: file))
    if self == .hdf5 {
      if let reader = try? HDF5Reader(path: file, map: false) { Self.readAll(of: reader) }
      return
    }
    if self == .checkpoints, let features = try? FeatureFile(from: file) {
      _ = features.skipped.serialized
      return
    }
    for unpacking in [Checkpoint.Unpacking.whenUsed, .never] {
      guard let listed = try? Checkpoint.read(from: file, options: .init(map: false, unpacking: unpacking)) else {
        continue
      }
      for object in listed.objects { _ = try? object.values(20) }
      _ = listed.attributes.map(\.value.serialized)
      _ = try? listed.check()
    }
    guard let checkpoint = try? Checkpoint.read(from: file, options: .init(map: false)) else { return }
    for entry in checkpoint.entries where entry.array.bytes.count <= Self.largest { _ = entry.array.floats() }
    _ = try? checkpoint.inputPreparation()
    _ = checkpoint.metadata.thresholds
    let named = (try? checkpoint.kerasNetwork(path: file))?.checkpoint ?? checkpoint
    guard let loaded = try? Registry.standard.model(from: named, path: file) else { return }
    if !named.quantizedPaths.isEmpty { Self.classify(loaded.model, input: loaded.architecture.input) }
    Self.run(loaded.model, inputs: [loaded.architecture.input])
  }

  private static func readAll(of reader: HDF5Reader) {
    readParts(of: reader)
    for dataset in reader.contents.datasets + reader.contents.linkedDatasets {
      // A few bytes may declare more than a process may have here: that is unpacked chunk by chunk.
      if dataset.byteCount ?? 0 > largest {
        _ = try? reader.check(dataset)
      } else {
        _ = try? reader.bytes(of: dataset)
      }
    }
  }

  /// Objects by path, before the file is walked and after, and parts of datasets: the start, the end, every other element,
  /// and selections that do not fit.
  private static func readParts(of reader: HDF5Reader) {
    for path in ["g/x", "chunked", "a/b/upwards", "chain3", "links/hard", "model", "layers"] { _ = try? reader[path] }
    for name in (try? reader.names()) ?? [] { _ = try? reader.names(in: name) }
    for group in reader.contents.groups.prefix(20) { _ = try? reader.attributes(of: group.path) }
    for dataset in reader.contents.datasets.prefix(40) {
      var selections: [[HDF5Slice]] = [
        [HDF5Slice(0..<1)], dataset.shape.map { HDF5Slice(start: $0 - 1) },
        dataset.shape.map { HDF5Slice(start: min(1, $0), stride: max(1, $0 / 3)) },
        dataset.shape.map { HDF5Slice(start: $0 / 2, count: min(3, $0 - $0 / 2)) },
      ]
      // Those that grow with the dataset: a few bytes may declare more than a process may have here.
      if dataset.byteCount ?? 0 <= largest {
        selections += [dataset.shape.map { HDF5Slice(start: $0 / 3, stride: 2) }, [HDF5Slice(0...Int.max)]]
      }
      // Looked up again, so that the index of chunks is read anew.
      let found = (try? reader.dataset(dataset.path)) ?? dataset
      for selection in selections { _ = try? reader.bytes(of: found, at: selection) }
      _ = try? reader.values(of: found, at: dataset.shape.map { HDF5Slice(start: 0, count: min(2, $0)) })
    }
  }

  /// What a configuration has been found to allow must not trap where it is used.
  private static func run(_ model: some Network, inputs: [[Int]]) {
    // Time belongs to many small networks rather than to few large ones.
    guard model.cellDescriptions.reduce(0, { $0 + $1.shape.reduce(1, *) }) < 100_000 else { return }
    model.initialize(seed: 0)
    if let network = model as? KerasNetwork { return runGraph(network) }
    if let machine = model as? any EnergyModel { return runMachine(machine) }
    for input in inputs where input.reduce(1, { $0.multipliedReportingOverflow(by: $1).partialValue }) < 100_000 {
      guard let classifier = model as? any Classifier,
        (try? model.configuration.validate(input: input)) != nil
      else { continue }
      _ = inference { classifier(Tensor(ones: [2] + input)).scalars }
      _ = classifier.replacingHead(outputs: 3, seed: 1)
    }
  }

  private static func runMachine(_ machine: any EnergyModel) {
    let visible = Tensor(zeros: [2, machine.visibleParts.reduce(0) { $0 + $1.visible }])
    _ = inference { machine.reconstruction(visible, completing: true).scalars + machine.freeEnergies(visible).scalars }
    _ = machine.pseudoLogLikelihoods(visible, stream: RandomStream(seed: 1, purpose: "fuzz"))
    if machine.visibleParts.allSatisfy({ $0.units != .counts }) {
      _ = machine.samples(count: 2, steps: 1, seed: 1, from: nil).scalars
    }
  }

  /// All inputs are zeros, which are tokens as well as numbers.
  private static func runGraph(_ network: KerasNetwork) {
    let shapes = network.configuration.inputs.map { $0.shape.map { $0 ?? 5 } }
    let size = shapes.reduce(0) { $0 + $1.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue } }
    guard size < 100_000, (try? network.configuration.validate(inputs: shapes)) != nil else { return }
    let inputs = shapes.map { Tensor(zeros: [2] + $0) }
    _ = inference { network.outputs(inputs).map(\.scalars) }
    if network.configuration.takesTexts {
      // Words, where there are texts, and numbers that are no tokens.
      let words = zip(network.configuration.inputs, shapes).map { input, shape in
        input.isText
          ? Tensor(texts: [["the dog, a café"], [""]].map { row in (0..<shape[0]).map { _ in row[0] } })
          : Tensor(repeating: -1, shape: [2] + shape)
      }
      _ = network.results(words)
    }
    let changed = network.replacingHead(outputs: 3, seed: 1)
    guard (try? changed.configuration.validate(inputs: shapes)) != nil else { return }
    _ = inference { changed.outputs(inputs).map(\.scalars) }
    for shape in shapes where shapes.count == 1 && (try? network.configuration.validate(input: shape)) != nil {
      _ = inference { network(Tensor(ones: [2] + shape)).scalars }
    }
  }

  /// Integers, with the scales that the file gives them.
  private static func classify(_ model: some Network, input: [Int]) {
    guard let classifier = model as? any Classifier, input.reduce(1, *) < 100_000,
      model.cellDescriptions.reduce(0, { $0 + $1.shape.reduce(1, *) }) < 100_000
    else { return }
    _ = inference { classifier(Tensor(ones: [2] + input)).scalars }
  }

  private static func interpret(_ text: String) {
    let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let value = try? JSONValue(parsing: parts[1]) else { return }
    switch parts[0] {
    case "preparation": _ = try? InputPreparation(json: value)
    case "state": _ = try? LoopState(json: value)
    default:
      guard let architecture = try? Registry.standard.architecture(named: parts[0]) else { return }
      for input in [nil, architecture.input, [3, 7, 5], [0], []] {
        guard let model = try? architecture.build(configuration: value, input: input) else { continue }
        run(model, inputs: input.map { [$0] } ?? [])
      }
    }
  }
}
