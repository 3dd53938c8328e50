import AviaryArchives
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

extension Layer {
  /// What a checkpoint must hold to fill the model.
  public var cellDescriptions: [CellDescription] {
    inventory.stateful.map { entry in
      switch entry.cell {
      case let cell as Parameter: CellDescription(path: entry.path, shape: cell.shape, role: .parameter)
      case let cell as Buffer: CellDescription(path: entry.path, shape: cell.shape, role: .buffer)
      case let cell as IndexTable: CellDescription(path: entry.path, shape: cell.indices.shape, role: .indices)
      default: CellDescription(path: entry.path, shape: [], role: .counter)
      }
    }
  }

  /// Further paths of cells: those under which tied weights are met again. To the path that a checkpoint is asked for.
  var tiedPaths: [String: String] { inventory.aliases }

  /// The settings that a checkpoint may have numbers for.
  public var settingDescriptions: [SettingDescription] {
    inventory.settings.map { SettingDescription(path: $0.path, allowed: $0.setting.allowed) }
  }

  /// Fills the model from a checkpoint: all of it or nothing. The head of a `Network` may be absent as a whole: it is then
  /// filled from the seed, and reported. A setting that the checkpoint does not have is left as it is.
  ///
  /// - Parameter path: the file's name, for faults.
  @discardableResult
  public func load(
    _ checkpoint: Checkpoint, allowing allowances: Set<Allowance> = [], seed: UInt64 = 0, path: String = "checkpoint"
  ) throws(CheckpointFault) -> LoadReport {
    let headPath = (self as? any Network)?.headPath
    let match = try checkpoint.joiningTied(tiedPaths).match(
      cells: cellDescriptions, settings: settingDescriptions, headPath: headPath, allowing: allowances, path: path)
    for case (let name, let cell as IndexTable) in inventory.stateful.map({ ($0.path, $0.cell) }) {
      guard let array = match.arrays[name], array.integers() != cell.indices.scalars.map(Int64.init) else { continue }
      throw .otherIndices(path: path, tensor: name)
    }
    // What the caller allowed to be missing keeps its value, where it has one; an absent head begins anew.
    let kept = filledPaths.filter { path in
      !(match.report.headAbsent && headPath.map { path.hasPrefix($0 + ".") } ?? false)
    }
    initialize(seed: seed) { match.arrays[$0] == nil && !kept.contains($0) }
    for (path, setting) in inventory.settings {
      if let value = match.settings[path] { setting.assign(value) }
    }
    for entry in inventory.stateful {
      guard let array = match.arrays[entry.path] else { continue }
      CurrentWork.named("tensor '\(entry.path)'") {
        switch entry.cell {
        case let cell as Parameter: cell.assign(numbers(array))
        case let cell as Buffer: cell.assign(numbers(array))
        case let cell as Counter: cell.value = array.integers()?.first ?? 0
        default: break
        }
      }
    }
    return match.report
  }

  /// The tensor of an array that a match has found to be of numbers.
  private func numbers(_ array: StoredArray) -> Tensor {
    guard let tensor = array.tensor() else { stopProgram("a match took \(array.dtype) for numbers") }
    return tensor
  }

  /// The paths of the parameters and buffers that have a value.
  private var filledPaths: Set<String> {
    Set(
      inventory.cells.filter { entry in
        switch entry.cell {
        case let cell as Parameter: cell.isFilled
        case let cell as Buffer: cell.isFilled
        default: false
        }
      }.map(\.path))
  }

  /// The model's values under its paths, with its frozen set and, of a `Network`, its configuration; and what else
  /// prediction needs.
  ///
  /// ```swift
  /// let checkpoint = model.checkpoint(architecture: "resnet18", classes: ["cat", "dog"], preprocessing: preprocessing)
  /// try checkpoint.write(to: "classifier.h5")
  /// ```
  ///
  /// - Parameters:
  ///   - architecture: the name by which a registry knows how to build the model; nil where none does.
  ///   - classes: the names of the outputs, in their order.
  ///   - preprocessing: how data become the model's input: a `Preprocessing` of images, for instance.
  /// - Precondition: a network has as many outputs as there are classes, where they are given.
  public func checkpoint(
    architecture: String? = nil, classes: [String]? = nil, preprocessing: (any Encodable & Sendable)? = nil
  ) -> Checkpoint {
    let network = self as? any Network
    ensure(
      classes.map { $0.count == network?.configuration.outputs ?? $0.count } ?? true,
      "checkpoint: \(classes?.count ?? 0) classes for a head with \(network?.configuration.outputs ?? 0) outputs")
    var checkpoint = Checkpoint()
    checkpoint.metadata.architecture = architecture
    checkpoint.metadata.configuration = network?.configurationValue
    checkpoint.metadata.classes = classes
    checkpoint.metadata.preprocessing = preprocessing.map { plainJSON($0) }
    checkpoint.metadata.frozen = frozenPaths
    for (path, setting) in inventory.settings { checkpoint.append(setting: Self.shortest(setting.value), at: path) }
    for entry in inventory.stateful {
      switch entry.cell {
      case let cell as Parameter: checkpoint.append(StoredArray(cell.tensor), at: entry.path)
      case let cell as Buffer: checkpoint.append(StoredArray(cell.tensor), at: entry.path)
      case let cell as Counter: checkpoint.append(StoredArray([cell.value], shape: []), at: entry.path)
      case let cell as IndexTable:
        checkpoint.append(StoredArray(cell.indices.scalars.map(Int64.init), shape: cell.indices.shape), at: entry.path)
      default: break
      }
    }
    // PyTorch, too, keeps tied weights under each of their names.
    for (name, path) in tiedPaths.sorted(by: { $0.key < $1.key }) {
      if let array = checkpoint[path] { checkpoint.append(array, at: name) }
    }
    return checkpoint
  }

  /// Numbers that say how the layers work, by path, as checkpoints keep them.
  package var settings: [String: Double] {
    Dictionary(
      inventory.settings.map { ($0.path, Self.shortest($0.setting.value)) }, uniquingKeysWith: { first, _ in first })
  }

  /// The number with the shortest digits that give the same Float: 1e-05, not 9.99999974e-06.
  private static func shortest(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }
}

extension Network {
  /// The configuration as checkpoints keep it.
  public var configurationValue: JSONValue { plainJSON(configuration) }
}

/// A value without numbers that are not finite as JSON.
package func plainJSON(_ value: some Encodable) -> JSONValue {
  guard let json = try? JSONValue(encoding: value) else {
    stopProgram("a \(type(of: value)) of plain values did not become JSON")
  }
  return json
}

extension Checkpoint {
  /// The same without what tied weights have more than once: of equal arrays under several names that of the path is kept,
  /// and an array that is there under another name alone gets the path. Arrays that differ stay, and do not fit.
  func joiningTied(_ paths: [String: String]) -> Checkpoint {
    if paths.isEmpty { return self }
    var entries = entries
    for (name, path) in paths.sorted(by: { $0.key < $1.key }) {
      guard let place = entries.firstIndex(where: { $0.path == name }) else { continue }
      let array = entries[place].array
      if let kept = entries.first(where: { $0.path == path })?.array {
        if kept.dtype == array.dtype, kept.shape == array.shape, kept.bytes.crc32c() == array.bytes.crc32c() {
          entries.remove(at: place)
        }
      } else {
        entries[place] = Entry(path, array)
      }
    }
    return replacingEntries(entries)
  }
}

extension StoredArray {
  /// A tensor's elements as Float32, or as the integers of quantized weights.
  package init(_ tensor: Tensor) {
    if let values = tensor.quantizedValues, let quantization = tensor.quantization,
      let array = StoredArray(quantized: values, shape: tensor.shape, quantization)
    {
      self = array
    } else {
      self.init(tensor.scalars, shape: tensor.shape)
    }
  }
}
