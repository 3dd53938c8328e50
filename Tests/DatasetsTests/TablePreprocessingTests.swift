import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct TablePreprocessingTests {
  func table(_ text: String, kinds: [String: Table.Kind] = [:]) throws(TableFault) -> Table {
    try Table(csv: Array(text.utf8), path: "t.csv", kinds: kinds)
  }

  static let cases = [
    "mean-standard", "median-interquartile-minmax", "frequent-deviations", "interpolate-squares",
    "drop-interactions", "mean-cubes",
  ]

  @Test(arguments: cases)
  func featuresAreThoseOfPandasAndScikitLearn(name: String) throws {
    let golden = try Goldens("tables", of: "DatasetsTests")
    let table = try Table(csv: Goldens.url("table.csv", of: "DatasetsTests").path)
    #expect(table.rowCount == 40 && table["colour"]?.values.kind == .categorical)
    let settings: TableSettings = try golden.json(name)
    let preprocessing = try TablePreprocessing(fitting: table, rows: Array(0..<30), settings)
    for (found, key) in [(preprocessing.shift, "shift"), (preprocessing.scale, "scale")] {
      expectDoubles(found, try golden.array("\(name)/\(key)").values, "\(name) \(key)")
    }
    for (found, key) in [
      (preprocessing.numeric.map(\.lower), "lower"), (preprocessing.numeric.map(\.upper), "upper"),
      (preprocessing.numeric.map(\.fill), "fill"),
    ] {
      if let expected = golden.arrays["\(name)/\(key)"] {
        expectDoubles(found.compactMap { $0 }, expected.values, "\(name) \(key)")
      } else {
        #expect(found.allSatisfy { $0 == nil })
      }
    }
    // What was stored does the same.
    let stored = try TablePreprocessing(json: preprocessing.json())
    #expect(stored == preprocessing)
    for (part, rows) in [("training", 0..<30), ("rest", 30..<40)] {
      let found = try stored.examples(of: table, rows: Array(rows))
      let expected = try golden.array("\(name)/\(part)")
      #expect(found.inputs.rows == (try golden.array("\(name)/\(part)-rows")).integers.map { Int($0) })
      expectClose(
        actual: found.inputs.values, shape: [found.count, found.inputs.width], golden: expected,
        relativeMax: 1e-6, name: "\(name) \(part)")
      expectClose(
        actual: found.targets, expected: try golden.array("\(name)/\(part)-target").values, relativeMax: 1e-6,
        name: "\(name) \(part) target")
      #expect(found.inputs.width == preprocessing.featureNames.count)
      let unknown = found.inputs.unknown.map(\.description)
      let isThere = part == "rest" && found.inputs.rows.contains(35)
      #expect(
        unknown
          == (isThere ? ["column colour: 'a colour of its own' is not a word that the network knows (1 row)"] : []))
    }
  }

  func expectDoubles(_ found: [Double], _ expected: [Double], _ name: String) {
    #expect(found.count == expected.count && !found.isEmpty, "\(name)")
    for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-12 * max(1, abs(b)), "\(name): \(a), \(b)") }
  }

  /// Words of several parts are counted together, and those of a column that names its rows are not listed.
  @Test func unknownWordsAreSaidOnce() throws {
    let known = try TablePreprocessing(fitting: table("c,id,y\nu,a,0\nv,b,1\nu,c,2\n"), TableSettings(target: "y"))
    let parts = try ["w,a\nw,b\nu,c\n", (0..<9).map { "w,r\($0)\n" }.joined()].map { rows in
      try known.features(of: table("c,id\n" + rows))
    }
    #expect(parts[0].remarks == ["column c: 'w' is not a word that the network knows (2 rows)"])
    #expect(
      TableFeatures.remarks(on: parts) == [
        "column c: 'w' is not a word that the network knows (11 rows)",
        "column id: 9 words, such as 'r0', are not known to the network (9 rows)",
      ])
  }

  /// A gap is filled from the rows beside it only where rows have an order; networks of older versions say what they do.
  @Test func interpolationNeedsAnOrder() throws {
    let rows = try table("x,y\n" + (0..<20).map { "\($0 % 5 == 2 ? "" : "\($0)"),\(2 * $0)\n" }.joined())
    var settings = TableSettings(target: "y")
    settings.missing = .interpolate
    var plan = SplitPlan(validation: 0, test: 0.2)
    #expect(throws: TableFault.interpolatesUnordered(path: "t.csv")) {
      try PreparedTable<TablePreprocessing>(rows, settings, by: plan)
    }
    var written = GenerationSettings(target: "y")
    written.table.missing = .interpolate
    let texts = try table("x,y\n1,a\n,b\n3,c\n")
    #expect(throws: TableFault.interpolatesUnordered(path: "t.csv")) {
      try PreparedTable<GenerationPreprocessing>(texts, written, by: plan)
    }
    plan.isInOrder = true
    let ordered = try PreparedTable<TablePreprocessing>(rows, settings, by: plan)
    plan.isInOrder = false
    let older = try PreparedTable<TablePreprocessing>(rows, settings, keeping: ordered.preprocessing, by: plan)
    #expect(older.preprocessing.settings.missing == .interpolate)
    #expect(
      try ordered.preprocessing.features(of: rows).remarks == [
        "missing values are interpolated between the rows beside them, and depend on these (4 rows)"
      ])
    #expect(try ordered.preprocessing.features(of: rows, rows: [0, 1]).remarks.isEmpty)
  }

  @Test func featuresHaveNames() throws {
    let table = try table("a,b,c,y\n1,2,u,0\n3,4,v,1\n2,2,u,1\n")
    var settings = TableSettings(target: "y")
    settings.polynomialDegree = 3
    let names = try TablePreprocessing(fitting: table, settings).featureNames
    #expect(names == ["a", "b", "a^2", "a*b", "b^2", "a^3", "a^2*b", "a*b^2", "b^3", "c=u", "c=v"])
    settings.interactionsOnly = true
    #expect(try TablePreprocessing(fitting: table, settings).featureNames == ["a", "b", "a*b", "c=u", "c=v"])
  }

  @Test func termsAreCountedWithoutBeingMade() throws {
    for columns in [0, 1, 2, 5, 7] {
      for degree in 1...4 {
        for interactions in [false, true] {
          var settings = TableSettings(target: "y")
          settings.polynomialDegree = degree
          settings.interactionsOnly = interactions
          #expect(
            TablePreprocessing.termCount(columns: columns, settings)
              == TablePreprocessing.terms(columns: columns, settings).count)
        }
      }
    }
    var settings = TableSettings(target: "y")
    settings.polynomialDegree = 8
    #expect(TablePreprocessing.termCount(columns: 10_000, settings) > TablePreprocessing.featureLimit)
  }

  @Test func tooManyFeaturesAreRefused() throws {
    let columns = (0..<500).map { Table.Column("c\($0)", .numeric([1, 2, 3])) }
    let table = Table(columns + [Table.Column("y", .numeric([1, 2, 3]))])
    var settings = TableSettings(target: "y")
    settings.polynomialDegree = 3
    #expect(
      throws: TableFault.tooManyFeatures(
        count: TablePreprocessing.featureLimit + 1, limit: TablePreprocessing.featureLimit)
    ) { try TablePreprocessing(fitting: table, settings) }
    let words = Table([
      Table.Column("w", .categorical((0...10_000).map { "\($0)" })),
      Table.Column("y", .numeric((0...10_000).map { Double($0) })),
    ])
    #expect(throws: TableFault.tooManyCategories(path: "table", column: "w", count: 10_001, limit: 10_000)) {
      try TablePreprocessing(fitting: words, TableSettings(target: "y"))
    }
    #expect(throws: TableFault.tooManyCategories(path: "table", column: "y", count: 10_001, limit: 10_000)) {
      try TablePreprocessing(fitting: words, TableSettings(target: "y", task: .classification))
    }
  }

  @Test(arguments: [TableSettings.Scaling.none, .standard, .minMax])
  func aColumnThatNeverChangesStaysFinite(scaling: TableSettings.Scaling) throws {
    let table = try table("a,b,y\n0.1,5,1\n0.1,6,2\n0.1,7,3\n")
    var settings = TableSettings(target: "y")
    settings.scaling = scaling
    let preprocessing = try TablePreprocessing(fitting: table, settings)
    #expect(preprocessing.scale[0] == 1)
    let values = try preprocessing.features(of: table).values
    #expect(values.allSatisfy { $0.isFinite } && abs(values[0] - (scaling == .none ? 0.1 : 0)) < 1e-6)
  }

  @Test func whatCannotBeFittedIsRefusedByName() throws {
    func fault(
      _ text: String, _ change: (inout TableSettings) -> Void = { _ in }, task: TableSettings.Task? = nil
    ) throws -> TableFault? {
      var settings = TableSettings(target: "y", task: task)
      change(&settings)
      let table = try table(text)
      return #expect(throws: TableFault.self) { try TablePreprocessing(fitting: table, settings) }
    }
    #expect(try fault("a,b\n1,2\n") == .noColumn(path: "t.csv", name: "y", columns: ["a", "b"]))
    #expect(
      try fault("a,y\n1,2\n") { $0.excluded = ["c"] } == .noColumn(path: "t.csv", name: "c", columns: ["a", "y"]))
    #expect(try fault("a,y\n1,2\n") { $0.excluded = ["a"] } == .noFeatures(path: "t.csv"))
    #expect(try fault("y\n1\n") == .noFeatures(path: "t.csv"))
    #expect(try fault("a,b,y\n1,,2\n3,,4\n") == .noValues(path: "t.csv", column: "b"))
    #expect(try fault("a,b,y\n1,,2\n3,,4\n") { $0.missing = .dropRow } == .noRowsLeft(path: "t.csv", rows: 2))
    #expect(try fault("a,y\n1,\n3,\n") == .noRowsLeft(path: "t.csv", rows: 2))
    #expect(try fault("a,y\n1,x\n3,x\n") == .oneClass(path: "t.csv", column: "y", name: "x"))
    #expect(
      try fault("a,y\n1,7\n3,7\n", task: .classification) == .oneClass(path: "t.csv", column: "y", name: "7"))
    #expect(try fault("a,y\n1,x\n3,z\n", task: .regression) == .notNumeric(path: "t.csv", column: "y"))
    #expect(try fault("a,y\n1e308,1\n-1e308,2\n") == .outOfRange(path: "t.csv", row: nil, column: "a"))
    #expect(
      try fault("a,y\n1e200,1\n2,2\n") {
        $0.polynomialDegree = 2
        $0.scaling = .minMax
      } == .outOfRange(path: "t.csv", row: nil, column: "a"))
    for change: (inout TableSettings) -> Void in [
      { $0.polynomialDegree = 0 }, { $0.polynomialDegree = 9 }, { $0.outliers = .deviations(0) },
      { $0.outliers = .interquartile(.nan) }, { $0.excluded = ["y"] },
    ] {
      guard case .invalidSetting? = try fault("a,y\n1,2\n3,4\n", change) else {
        Issue.record("accepted")
        continue
      }
    }
  }

  @Test func rowsToPredictAreTreatedAsThoseLearned() throws {
    let training = try table("zip,size,y\n1,10,u\n2,20,v\n1,30,u\n", kinds: ["zip": .categorical])
    let preprocessing = try TablePreprocessing(fitting: training, TableSettings(target: "y"))
    #expect(preprocessing.target.classes == ["u", "v"] && preprocessing.featureNames == ["size", "zip=1", "zip=2"])
    let folder = try TemporaryFolder()
    // Without a target, in another order, with a column more, a missing value and a category never seen.
    try folder.write(Array("more,size,zip\nx,20,2\ny,,3\n".utf8), to: "new.csv")
    let new = try Table(csv: folder.path + "/new.csv", for: preprocessing)
    let features = try preprocessing.features(of: new)
    #expect(features.values == [0, 0, 1, 0, 0, 0] && features.rows == [0, 1])
    #expect(features.unknown == [.init(column: "zip", value: "3", count: 1)])
    #expect(features.batch([1, 0]).scalars == [0, 0, 0, 0, 0, 1] && features.tensor.shape == [2, 3])

    try folder.write(Array("size,zip\nbig,2\n".utf8), to: "words.csv")
    #expect(
      throws: TableFault.notANumber(path: folder.path + "/words.csv", row: 2, column: "size", text: "big")
    ) { try Table(csv: folder.path + "/words.csv", for: preprocessing) }
    try folder.write(Array("size\n1\n".utf8), to: "short.csv")
    let short = try Table(csv: folder.path + "/short.csv", for: preprocessing)
    #expect(throws: TableFault.noColumn(path: short.path, name: "zip", columns: ["size"])) {
      try preprocessing.features(of: short)
    }
    #expect(throws: TableFault.unknownClass(path: "t.csv", row: 3, column: "y", name: "w")) {
      try preprocessing.examples(of: table("zip,size,y\n1,1,u\n1,1,w\n"))
    }
    #expect(throws: TableFault.noRowsLeft(path: "t.csv", rows: 1)) {
      try preprocessing.examples(of: table("zip,size,y\n1,1,\n"))
    }
    #expect(throws: TableFault.outOfRange(path: "t.csv", row: 2, column: "size")) {
      try preprocessing.features(of: table("zip,size\n1,1e300\n"))
    }
  }

  @Test func storedPreprocessingThatContradictsItselfIsRefused() throws {
    var settings = TableSettings(target: "y")
    settings.outliers = .deviations(2)
    let fitted = try TablePreprocessing(fitting: table("a,w,y\n1,u,k\n2,v,l\n4,u,k\n"), settings)
    #expect(try TablePreprocessing(json: fitted.json()) == fitted)
    func refuses(_ change: (inout TablePreprocessing) -> Void, sourceLocation: SourceLocation = #_sourceLocation) throws
    {
      var broken = fitted
      change(&broken)
      let text = try broken.json()
      #expect(throws: TableFault.self, sourceLocation: sourceLocation) { try TablePreprocessing(json: text) }
    }
    try refuses { $0.scale = [] }
    try refuses { $0.scale[0] = 0 }
    try refuses { $0.scale.append(1) }
    try refuses { $0.shift.append(1) }
    try refuses { $0.settings.polynomialDegree = 8 }
    try refuses { $0.settings.polynomialDegree = 99 }
    try refuses { $0.numeric.append($0.numeric[0]) }
    try refuses { $0.numeric[0].fill = nil }
    try refuses { $0.numeric[0].lower = 1e9 }
    try refuses { $0.categorical[0].categories = ["u", "u"] }
    try refuses { $0.categorical[0].fill = "elsewhere" }
    try refuses { $0.target.classes = [] }
    try refuses { $0.target.classes = ["k"] }
    try refuses { $0.target.deviation = -1 }
    try refuses { $0.target.name = "a" }
    for text in ["", "{}", "[1]", "{\"settings\": 3}"] {
      #expect(throws: TableFault.self) { try TablePreprocessing(json: text) }
    }
  }

  /// Codes and long integers lose something where they count as numbers.
  @Test func whatNumbersDoNotSayIsSaid() throws {
    func remarks(_ fields: [String], target: String = "y") throws -> [String] {
      let rows = fields.enumerated().map { "\($1),\($0).5" }
      let table = try Table(csv: Array(("x,y\n" + rows.joined(separator: "\n") + "\n").utf8), path: "t.csv")
      return try TablePreprocessing(fitting: table, TableSettings(target: target)).remarks(on: table, withTarget: true)
    }
    for target in ["y", "x"] {
      let codes = try remarks(["01234", "2345", "0123"], target: target)
      #expect(codes.count == 1 && codes[0].contains("column x: counts as numbers") && codes[0].contains("'01234'"))
      let long = try remarks(["9007199254740993", "9007199254740992", "5"], target: target)
      #expect(long.count == 1 && long[0].hasPrefix("column x: different fields become one number"), "\(long)")
    }
    for plain in [["1", "2.50", "-3"], ["0", "0.5", "-0.25"], ["1700000000000000000", "1700000001000000000", "3"]] {
      #expect(try remarks(plain).isEmpty)
    }
  }
}
