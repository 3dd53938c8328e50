import Aviary
import AviaryHDF5
import Foundation

/// Packed pictures: IDX files, and those of CIFAR-10 and CIFAR-100. The first byte says which.
enum FuzzedPictures {
  private static let names = [
    [
      "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
      "classes.txt",
    ],
    ["data_batch_1.bin", "test_batch.bin", "batches.meta.txt"],
    ["train.bin", "test.bin", "fine_label_names.txt"],
  ]

  static var corpus: [[UInt8]] {
    func idx(_ shape: [Int]) -> [UInt8] {
      let count = shape.reduce(1, *)
      return [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, 0, UInt8($0)] } + (0..<count).map { UInt8($0 % 2) }
    }
    func records(_ labels: [UInt8]) -> [UInt8] { (0..<2).flatMap { _ in labels + [UInt8](repeating: 7, count: 3072) } }
    let classes = Array("cat\ndog\n".utf8)
    let plain = [idx([4, 3, 5]), idx([4]), idx([2, 3, 5]), idx([2]), classes]
    return [
      [0] + FileBundle.joined(plain), [0] + FileBundle.joined(plain.map(FileBundle.gzip)),
      [1] + FileBundle.joined([records([1]), records([0]), classes]),
      [2] + FileBundle.joined([records([0, 1]), FileBundle.gzip(records([0, 0])), classes]),
    ]
  }

  static func read(_ bytes: [UInt8], folder: String) throws {
    guard let kind = bytes.first else { return }
    try FileBundle.unpack(bytes.dropFirst(), names: names[Int(kind) % names.count], at: folder) {
      guard let found = try? PackedDataset(folder),
        let last = try? PackedDataset(folder, classes: ["a", "b"], limit: 1)
      else { return }
      for part in [found.training, found.test, last.training].compactMap({ $0 }) {
        let preprocessing = Preprocessing.torchvision(size: 4)
        let entries = Array(part.entries.prefix(4)) + part.entries.suffix(2)
        guard let batches = try? ImageBatches(entries, preprocessing: preprocessing, batchSize: 3) else { continue }
        while let batch = batches.next() { _ = batch.inputs.scalars }
      }
    }
  }
}

/// Graphs as `.npz`, as Planetoid's files, and as folders of texts. The first byte says which.
enum FuzzedGraphs {
  private static let parts = ["allx", "ally", "graph", "test.index", "tx", "ty", "x", "y"]
  private static let names = [
    ["graph.npz"], parts.map { "ind.toy." + $0 }, ["labels.txt", "features.txt", "edges.txt", "split.txt"],
  ]

  static func corpus(_ folders: [String]) -> [[UInt8]] {
    func content(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map(Array.init) }
    var bundles: [[UInt8]] = []
    for folder in folders.map({ $0 + "/graphs" }) {
      for name in ["toy", "toy-dense"] {
        if let file = content("\(folder)/\(name).npz") { bundles.append([0] + FileBundle.joined([file])) }
      }
      for name in ["ind.toy0", "ind.toy2"] {
        let files = parts.compactMap { content("\(folder)/\(name).\($0)") }
        if files.count == parts.count { bundles.append([1] + FileBundle.joined(files)) }
      }
    }
    let texts = [
      "1\n0\n1\n0\n1\n0\n", "0 2\n1:0.5\n0\n2:-1e3 0\n\n1\n", "0 1\n1 2\n3 0\n4 5\n", "train 0-1\nval 2 3\ntest 4-5\n",
    ]
    let named = ["a\nb\na\nb\nc\nc\n", "0\n1\n2\n0\n1\n2\n", "0 5\n"]
    return bundles + [texts, named].map { [2] + FileBundle.joined($0.map { Array($0.utf8) }) }
  }

  static func read(_ bytes: [UInt8], folder: String) throws {
    guard let kind = bytes.first.map({ Int($0) % names.count }) else { return }
    try FileBundle.unpack(bytes.dropFirst(), names: names[kind], at: folder) {
      let path = kind == 0 ? folder + "/graph.npz" : kind == 1 ? folder + "/ind.toy" : folder
      _ = try? GraphDataset(path: path, features: 9, needsLabels: false).features.values
      guard let graph = try? GraphDataset(path: path) else { return }
      _ = graph.features.values.count + graph.adjacency.nonzeros + graph.labels.scalars.count
    }
  }
}

/// HDF5 files whose links and virtual datasets lead to a file beside them, which may be damaged as well.
enum FuzzedLinks {
  static func corpus(_ folders: [String]) -> [[UInt8]] {
    func content(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map(Array.init) }
    var bundles: [[UInt8]] = []
    for folder in folders.map({ $0 + "/follow" }) {
      guard let parts = content(folder + "/parts.h5") else { continue }
      for name in ["earliest", "latest"] {
        if let file = content("\(folder)/\(name).h5") { bundles.append(FileBundle.joined([file, parts])) }
      }
    }
    return bundles
  }

  static func read(_ bytes: [UInt8], folder: String, with body: (HDF5Reader) -> Void) throws {
    try FileBundle.unpack(bytes[...], names: ["main.h5", "parts.h5"], at: folder) {
      guard let reader = try? HDF5Reader(path: folder + "/main.h5", follow: true) else { return }
      body(reader)
      _ = try? Checkpoint.read(from: folder + "/main.h5", options: .init(follow: true)).entries.count
    }
  }
}

/// Tables and texts: what a CSV file holds, and how it is prepared for every kind of network.
enum FuzzedTables {
  static var corpus: [[UInt8]] {
    [
      "a,b,y\n1,x,0\n2,y,1\n,x,0\n4,z,1\n5,x,0\n6,y,1\n", "t;v\r\n1,5;1.234,5\r\n2,5;-3,0\r\n3;NA\r\n4;7\r\n5;8,25\r\n",
      "name\tlanguage\nAnna\tit\nJürgen\tde\n\"Li\t\"\"x\"\"\"\tzh\nÅsa\tsv\nAnna\tde\n",
      "when,other,y\n2024-01-31,\"Jan 5, 2023\",1\n2024-02-29T12:30:00Z,31 Dec 1999,2\n2023-12-01,,3\n",
      "price,size\n\"$1,234.50\",10%\n\"$2,000\",20 %\n$3,?\n\u{2212}4,40%\n",
      "id\n9007199254740993\n9007199254740994\n1e400\n-0\n",
      "\u{feff}x,x2\n1,2\n\n3,4\n",
      "user,item,rating,when\na,x,1,9\na,y,5,9\nb,x,4,9\nb,z,,9\nc,y,2,9\nd,z,3,9\n",
      "user,x,y\na,1,\nb,2,2\nc,,1\nd,1,2\n",
      "-DOCSTART- O\n\nmr B-PER\nbill I-PER\nsees O\n\ncan\tO\n", "1-2\tdu\t_\t_\n1\tde\tde\tADP\n2\t1 0\t1\tNUM\n",
      "words,tags,back\na b,X Y,b a\n\"c, d\",X Y,d c\nc,Z,c\ne f g,X X Y,g f e\na,X,a\nb,Y,b\n",
      "item,fold,true,predicted,probability_a,\"probability_b,c\"\nx,1,a,a,0.9,0.1\ny,2,\"b,c\",a,0.6,0.4\n",
      "class,weight\na,2\n\"b,c\",0.5\n", "{\"a\": 2, \"b\": 0.5e0}",
      "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n",
    ].map { Array($0.utf8) }
  }

  /// Tables of JSON objects.
  static var objects: [[UInt8]] {
    [
      "[{\"a\":1,\"b\":\"x\",\"y\":0},\n {\"a\":2.5e1,\"b\":\"y\",\"y\":1},{\"b\":null,\"y\":0},{\"a\":-4,\"y\":1}]",
      "{\"id\":9007199254740993,\"size\":{\"w\":1,\"h\":{\"cm\":2}},\"tags\":[1,[\"a\",{\"k\":true}]]}\n{\"id\":2,\"size\":{\"w\":3}}\n",
      "\u{feff}[\n{\"t\":\"a \\u00e9\\ud83d\\ude00\\n\",\"u\":\"X\"},{\"t\":\"b\",\"u\":\"Y\",\"n\":NaN},{\"t\":\"c d\",\"u\":\"X\"}]",
      "{\"when\":\"2024-01-31\",\"y\":true}\n\n{\"when\":\"2023-12-01\",\"y\":false}\n{\"when\":\"2022-02-02\",\"y\":true}",
      String(repeating: "{\"a\":", count: 60) + "1" + String(repeating: "}", count: 60),
    ].map { Array($0.utf8) }
  }

  /// Prepared by what a well-formed table has been fitted to.
  private static let known = {
    let table = Table([
      .init("a", .numeric([1, 2, nil, 4])), .init("b", .categorical(["x", "y", "x", "z"])),
      .init("y", .numeric([1, 0, 1, 0])),
    ])
    return try? TablePreprocessing(fitting: table, TableSettings(target: "y"))
  }()

  static func read(_ bytes: [UInt8], file: String) throws {
    try Data(bytes).write(to: URL(filePath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    if let predictions = try? PredictionFile(reading: file) {
      _ = predictions.metrics.scores
      _ = LabelProblems(classes: predictions.classes, predictions.predictions).csv
    }
    _ = try? ClassOptions.Weights(file: file)
    if let text = try? TextCorpus(path: file) { _ = text.vocabulary.decode(text.training) }
    if let known, let table = try? Table(csv: file, for: known) { _ = try? known.features(of: table).tensor.scalars }
    if let known, let table = try? Table(csv: file, forFeaturesOf: known) { _ = try? known.features(of: table) }
    for ending in [".conll", ".conllu"] {
      try Data(bytes).write(to: URL(filePath: file + ending))
      defer { try? FileManager.default.removeItem(atPath: file + ending) }
      for needsTags in [true, false] {
        let settings = TaggingSettings()
        if let lines = try? TaggingPreprocessing.table(reading: file + ending, settings, needsTags: needsTags),
          lines.rowCount < 1000
        {
          prepare(lines, settings, as: TaggingPreprocessing.self)
        }
      }
    }
    guard let table = try? Table(csv: file), table.columns.count < 50, table.rowCount < 1000 else { return }
    learnWithoutLabels(table)
    for name in table.names.prefix(4) {
      var settings = TableSettings(target: name)
      for task in [TableSettings.Task?.none, .classification, .regression] {
        settings.task = task
        settings.missing = task == .regression ? .interpolate : .median
        settings.outliers = task == .regression ? .interquartile(1.5) : .deviations(2)
        settings.polynomialDegree = task == nil ? 1 : 2
        prepare(table, settings, as: TablePreprocessing.self)
      }
      settings.outliers = .dropInterquartile(1)
      settings.scaling = .robust
      settings.binning = .init(bins: 3, encoding: name == table.names[0] ? .oneHot : .ordinal)
      prepare(table, settings, as: TablePreprocessing.self)
      for column in table.names.prefix(4) where column != name {
        settings.dates = DateSettings(columns: [column], isCyclical: true)
        prepare(table, settings, as: TablePreprocessing.self)
        settings.dates?.format = "%Y-%m-%d"
        prepare(table, settings, as: TablePreprocessing.self)
      }
      prepare(table, SeriesSettings(target: name, window: 2), as: SeriesPreprocessing.self)
      var steps = SeriesSettings(target: name, window: 1)
      (steps.horizon, steps.steps) = (2, 2)
      prepare(table, steps, as: SeriesPreprocessing.self)
      prepare(table, GenerationSettings(target: name), as: GenerationPreprocessing.self)
      for column in table.names.prefix(4) where column != name {
        var texts = TextColumnSettings(target: name, column: column)
        prepare(table, texts, as: TextColumnPreprocessing.self)
        texts.tokenizer = .word
        prepare(table, texts, as: TextColumnPreprocessing.self)
        prepare(table, TaggingSettings(target: name, column: column), as: TaggingPreprocessing.self)
        prepare(table, TranslationSettings(target: name, column: column), as: TranslationPreprocessing.self)
      }
    }
  }

  /// Columns, ratings, long and wide, and words.
  private static func learnWithoutLabels(_ table: Table) {
    let rows = Array(0..<table.rowCount)
    if let units = try? ColumnUnits(fitting: table, rows: rows, .init()),
      let found = try? units.values(of: table).values
    {
      _ = units.described(found.prefix(units.width))
      keep(.columns(units))
    }
    let names = table.names
    var settings = [RatingSettings(wideTableOf: names[0])]
    if names.count > 2 { settings.append(RatingSettings(user: names[0], item: names[1], rating: names[2])) }
    for settings in settings {
      guard let ratings = try? Ratings(table, settings),
        let preparation = try? RatingPreparation(fitting: ratings, ratings.given, settings)
      else { continue }
      _ = try? preparation.known(ratings.all, path: "")
      keep(.ratings(preparation))
    }
    for column in [nil] + names.prefix(3).map(Optional.some) {
      guard let words = try? WordPreparation(fitting: table, rows: rows, .init(column: column)) else { continue }
      _ = try? words.documents(of: table)
      keep(.words(words))
    }
  }

  private static func keep(_ preparation: UnlabeledPreparation) {
    guard let json = try? InputPreparation.unlabeled(preparation).json() else { return }
    _ = try? InputPreparation(json: json)
  }

  private static func prepare<Preparation: TablePreparation>(
    _ table: Table, _ settings: Preparation.Settings, as kind: Preparation.Type
  ) {
    var plan = SplitPlan(validation: 0.2, test: 0.2)
    plan.isInOrder = (settings as? TableSettings)?.missing == .interpolate
    guard let prepared = try? PreparedTable<Preparation>(table, settings, by: plan) else { return }
    _ = prepared.parts.training.batch(of: [0])
    guard let text = try? JSONEncoder().encode(prepared.preprocessing) else { return }
    _ = try? JSONDecoder().decode(Preparation.self, from: text).validated()
  }
}
