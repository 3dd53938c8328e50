import Aviary
import AviaryCommands

/// A quantity that inputs grow in, such as the number of images, and the work whose cost is measured along it.
struct GrowthAxis: Sendable {
  /// What the command calls it.
  let name: String
  /// What they are called.
  let items: String
  /// What is made of a size, in one sentence.
  let summary: String
  /// Rising. The cost of the first size is taken for the fixed cost of the others.
  let sizes: [Int]
  /// Writes what the works read, of a size, to an empty folder.
  var prepare: @Sendable (_ size: Int, _ folder: String) throws -> Void = { _, _ in }
  let works: [Work]

  /// Something that the package does with all items of an input, in a process of its own.
  struct Work: Sendable {
    let name: String
    /// The largest size that it is measured at; nil for that of the axis.
    var most: Int?
    /// What it writes to the folder and would not write over.
    var outputs: [String] = []
    /// Prepares it, outside of the measured time.
    let start: @Sendable (_ size: Int, _ folder: String) throws -> Task
  }

  /// What is timed.
  struct Task {
    /// How often; the shortest time counts.
    var runs = 1
    let run: () throws -> Void

    init(runs: Int = 1, _ run: @escaping () throws -> Void) {
      self.runs = runs
      self.run = run
    }
  }

  static let all: [GrowthAxis] = [images, classes, tensors, bytes, rows, edges, length, batch]

  /// A geometric series of whole numbers.
  static func series(from first: Int, to last: Int, by factor: Int = 10) -> [Int] {
    var sizes = [first]
    while let size = sizes.last, size * factor <= last { sizes.append(size * factor) }
    return sizes
  }
}

extension GrowthAxis.Work {
  /// A command of `aviary`, all of it: its arguments, in which `DIR` stands for the folder.
  static func command(_ name: String, most: Int? = nil, _ arguments: [String]) -> GrowthAxis.Work {
    let outputs = zip(arguments, arguments.dropFirst()).filter { $0.0 == "--output" }.map(\.1)
    return GrowthAxis.Work(name: name, most: most, outputs: outputs) { _, folder in
      GrowthAxis.Task { try GrowthAxis.run(arguments, in: folder) }
    }
  }
}

extension GrowthAxis {
  /// What an argument means in a folder.
  static func path(_ argument: String, in folder: String) -> String {
    argument.hasPrefix("DIR/") ? folder + argument.dropFirst(3) : argument
  }

  /// Runs a command of `aviary` in this process.
  static func run(_ arguments: [String], in folder: String) throws {
    var command = try AviaryCommand.parseAsRoot(arguments.map { path($0, in: folder) })
    try command.run()
  }

  /// A training step with Adam, warmed up.
  static func training(
    _ model: some Layer, runs: Int = 3, loss: @escaping () -> Tensor
  ) throws -> Task {
    model.initialize(seed: 0)
    let step = try Workload.training(model, loss: loss)
    _ = try step()
    return Task(runs: runs) { _ = try step() }
  }
}
