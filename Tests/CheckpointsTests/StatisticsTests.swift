import AviaryCheckpoints
import Testing

@Suite struct StatisticsTests {
  @Test func countsAndMomentsAreThoseOfTheNumbers() throws {
    let array = StoredArray([1, -2, 0, 4, .nan, .infinity, 0, -.infinity] as [Float], shape: [2, 4])
    let found = try #require(ArrayStatistics(array, bins: 3))
    #expect(found.count == 8)
    #expect(found.zeros == 2)
    #expect(found.notNumbers == 1)
    #expect(found.infinities == 2)
    #expect(found.minimum == -2)
    #expect(found.maximum == 4)
    #expect(abs((found.mean ?? 9) - 0.6) < 1e-12)
    #expect(abs((found.standardDeviation ?? 9) - 3.84.squareRoot()) < 1e-12)
    #expect(abs(found.norm - 21.0.squareRoot()) < 1e-12)
    #expect(found.histogram == [1, 3, 1])
    #expect(found.edges == [-2, 0, 2, 4])
  }

  @Test func edgesOfWhatThereIs() throws {
    let empty = try #require(ArrayStatistics(StoredArray([Float](), shape: [0])))
    #expect(empty.mean == nil)
    #expect(empty.histogram.isEmpty)
    let equal = try #require(ArrayStatistics(StoredArray([3, 3] as [Int64], shape: [2])))
    #expect(equal.histogram == [2])
    #expect(equal.standardDeviation == 0)
    let largest = Double.greatestFiniteMagnitude
    let huge = try #require(ArrayStatistics(StoredArray([largest, -largest, largest] as [Double], shape: [3])))
    #expect(huge.standardDeviation?.isFinite == true)
    #expect(huge.mean?.isFinite == true)
    #expect(huge.histogram.reduce(0, +) == 3)
    let nothing = try #require(ArrayStatistics(StoredArray([Float.nan], shape: [1])))
    #expect(nothing.minimum == nil)
    #expect(nothing.norm == 0)
  }
}

@Suite struct AverageTests {
  private func checkpoint(_ weight: [Float], count: Int64, dtype: Dtype = .float32) -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray(weight, shape: [weight.count]).cast(to: dtype), at: "weight")
    checkpoint.set(StoredArray([count], shape: []), at: "count")
    checkpoint.metadata.architecture = "toy"
    checkpoint.metadata.metrics = ["accuracy": 0.5]
    return checkpoint
  }

  @Test func weightsAreMeansAndIntegersTheFirsts() throws {
    for dtype in [Dtype.float32, .float16, .bfloat16, .float64] {
      let files = [
        ("a", checkpoint([1, 2], count: 7, dtype: dtype)), ("b", checkpoint([3, 2.5], count: 9, dtype: dtype)),
      ]
      let mean = try Checkpoint.average(files.map { (file: $0.0, checkpoint: $0.1) })
      #expect(mean["weight"]?.dtype == dtype)
      #expect(mean["weight"]?.floats() == [2, 2.25])
      #expect(mean["count"]?.integers() == [7])
      #expect(mean.metadata.architecture == "toy")
      #expect(mean.metadata.metrics.isEmpty)
    }
  }

  @Test func manyAreAddedInDouble() throws {
    // In Float32, 2²⁴ + 1 is 2²⁴.
    let files = [Float(1 << 24), 1, 1, 1].map { (file: "x", checkpoint: checkpoint([$0], count: 0)) }
    #expect(try Checkpoint.average(files)["weight"]?.floats() == [Float((Double(1 << 24) + 3) / 4)])
  }

  @Test func modelsOfOtherClassesOrPreparationAreNotAveraged() throws {
    var first = checkpoint([1], count: 0)
    first.metadata.classes = ["cat", "dog"]
    first.metadata.configuration = try JSONValue(parsing: #"{"width":2,"rate":1e-3}"#)
    first.metadata.preprocessing = try JSONValue(parsing: #"{"size":[8,8],"scale":1}"#)
    first.metadata.settings = ["bn.epsilon": 0.001]
    func expectRefusal(_ text: String, _ change: (inout Checkpoint.Metadata) throws -> Void) rethrows {
      var other = first
      try change(&other.metadata)
      let fault = #expect(throws: CheckpointFault.self) {
        try Checkpoint.average([(file: "a", checkpoint: first), (file: "b", checkpoint: other)])
      }
      #expect(fault?.description.contains(text) == true, "\(String(describing: fault))")
    }
    expectRefusal("its class 1 is 'dog', not 'cat'") { $0.classes = ["dog", "cat"] }
    expectRefusal("it has 3 classes, not 2") { $0.classes = ["cat", "dog", "owl"] }
    expectRefusal("its architecture is 'other', not 'toy'") { $0.architecture = "other" }
    expectRefusal("'bn.epsilon' is 1e-05, not 0.001") { $0.settings = ["bn.epsilon": 1e-5] }
    try expectRefusal("its configuration has width 3, not 2") {
      $0.configuration = try JSONValue(parsing: #"{"width":3,"rate":0.001}"#)
    }
    try expectRefusal("its preprocessing has size [9,8], not [8,8]") {
      $0.preprocessing = try JSONValue(parsing: #"{"size":[9,8],"scale":1}"#)
    }
    // Of long texts, the part that differs.
    let column = #"{"name":"age","shift":1.25,"scale":3.5,"spelling":null},{"name":"height","shift":0,"scale":1}"#
    first.metadata.preprocessing = try JSONValue(parsing: #"{"table":{"numeric":[\#(column)],"target":"y"}}"#)
    try expectRefusal("its preprocessing has table.numeric['age'].shift 1.5, not 1.25") {
      $0.preprocessing = try JSONValue(
        parsing: #"{"table":{"numeric":[\#(column.replacing("1.25", with: "1.5"))],"target":"y"}}"#)
    }
    // The same in another order and spelling, and a file that does not say.
    var same = first
    same.metadata.configuration = try JSONValue(parsing: #"{"rate":0.001,"width":2}"#)
    same.metadata.classes = nil
    _ = try Checkpoint.average([(file: "a", checkpoint: first), (file: "b", checkpoint: same)])
  }

  @Test func numbersThatATypeCannotHoldAreNamed() {
    var file = Checkpoint()
    file.set(StoredArray([1e6, 65519, -65520, .infinity, .nan] as [Float], shape: [5]), at: "w")
    file.set(StoredArray([1e6] as [Float], shape: [1]), at: "bn.running_var")
    file.set(StoredArray([1e300, 1] as [Double], shape: [2]), at: "d")
    file.set(StoredArray([3.4e38] as [Float], shape: [1]), at: "f")
    #expect(file.overflows(castTo: .float16).map { "\($0.path) \($0.count)" } == ["w 2", "d 1", "f 1"])
    #expect(file.overflows(castTo: .float32).map { "\($0.path) \($0.count)" } == ["d 1"])
    #expect(file.overflows(castTo: .bfloat16).map { "\($0.path) \($0.count)" } == ["d 1", "f 1"])
  }

  @Test func differencesAreNamed() throws {
    let first = checkpoint([1], count: 0)
    var more = first
    more.set(StoredArray([1] as [Float], shape: [1]), at: "more")
    for (other, text) in [
      (checkpoint([1, 2], count: 0), "[2]"), (checkpoint([1], count: 0, dtype: .float16), "float16"), (more, "'more'"),
      (Checkpoint(), "'weight'"),
    ] {
      let fault = #expect(throws: CheckpointFault.self) {
        try Checkpoint.average([(file: "a", checkpoint: first), (file: "b", checkpoint: other)])
      }
      #expect(fault?.description.hasPrefix("b: cannot be averaged with a: ") == true)
      #expect(fault?.description.contains(text) == true)
    }
  }
}
