import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

extension ColumnUnits {
  /// What the visible values are.
  var parts: [VisiblePart] {
    var parts: [VisiblePart] = []
    if !numbers.isEmpty { parts.append(VisiblePart(.gaussian, visible: numbers.count)) }
    if !flags.isEmpty { parts.append(VisiblePart(.binary, visible: flags.count)) }
    return parts
      + choices.map { VisiblePart(.softmax, visible: $0.categories.count, levels: $0.categories.count) }
  }

  /// The rows of a table as a network takes them.
  package func visible(of table: Table, rows: [Int]? = nil) throws(TableFault) -> (visible: Tensor, remarks: [String]) {
    let (values, unknown) = try values(of: table, rows: rows)
    return (
      Tensor(values, shape: [values.count / width, width]), TableFeatures.UnknownCategory.remarks(on: unknown)
    )
  }
}

/// How well a network knows the rows of a table that it learned without labels.
package func unlabeledMetrics(of visible: Tensor, _ model: any EnergyModel, seed: UInt64 = 0) -> UnlabeledMetrics {
  VisibleRows(dense: visible.scalars, width: visible.shape[1]).metrics(model, seed: seed)
}

extension VisibleRows {
  fileprivate func metrics(_ model: any EnergyModel, seed: UInt64) -> UnlabeledMetrics {
    var metrics = UnlabeledMetrics(of: model, seed: seed)
    for places in batches() { metrics.add(batch(places), model) }
    return metrics
  }
}

extension UnlabeledRows {
  static func columns(
    _ path: String, _ settings: ColumnUnitSettings, _ split: RecordedSplit, keeping known: ColumnUnits?
  ) throws -> Found {
    let table = try known?.table(csv: path) ?? Table(csv: path)
    let division = try split.division(of: table.rowCount, path: path)
    let units = try known ?? ColumnUnits(fitting: table, rows: division.training, settings)
    let seed = UInt64(split.seed) ?? 0
    var fingerprint = DataFingerprint()
    var unknown: [TableFeatures.UnknownCategory] = []
    func rows(_ places: [Int]) throws(TableFault) -> VisibleRows? {
      if places.isEmpty { return nil }
      let (values, unseen) = try units.values(of: table, rows: places)
      fingerprint.add(values)
      unknown += unseen
      return VisibleRows(dense: values, width: units.width)
    }
    guard let training = try rows(division.training) else {
      throw TableFault.noRowsLeft(path: path, rows: table.rowCount)
    }
    let (validation, test) = (try rows(division.validation), try rows(division.test))
    let used = units.columnNames + units.settings.excluded
    let remarks =
      known == nil
      ? units.remarks(on: table) : table.remarks(on: units.columnNames) + table.unusedColumns(beside: used)
    func scores(_ rows: VisibleRows?) -> (any EnergyModel) -> Scores? {
      { rows?.metrics($0, seed: seed).scores }
    }
    var found = Found(
      items: "rows", preparation: .columns(units), training: training, changes: units.changes, parts: units.parts,
      fingerprint: fingerprint,
      remarks: remarks + TableFeatures.UnknownCategory.remarks(on: unknown), validation: scores(validation),
      test: scores(test))
    found.missesGroups = units.missesGroups(in: table, division.training)
    return found
  }
}

extension ColumnUnits {
  /// What a network's configuration is for these columns.
  fileprivate var changes: [ConfigurationChange] {
    let parts = parts
    guard parts.count > 1 else { return parts[0].changes }
    let list = parts.map { part in
      #"{"units":"\#(part.units.rawValue)","visible":\#(part.visible),"levels":\#(part.levels)}"#
    }
    return [
      .init(name: "units", value: VisibleUnits.mixed.rawValue),
      .init(name: "parts", value: "[" + list.joined(separator: ",") + "]"),
    ]
  }

  /// Whether a word is missing in rows.
  fileprivate func missesGroups(in table: Table, _ rows: [Int]) -> Bool {
    choices.contains { choice in
      guard case .categorical(let words)? = table[choice.name]?.values else { return true }
      let known = ExactSet(choice.categories)
      return rows.contains { row in words[row].map { !known.contains($0) } ?? true }
    }
  }
}

extension VisiblePart {
  /// The configuration of a network all of whose visible values are of this kind.
  var changes: [ConfigurationChange] {
    [.init(name: "units", value: units.rawValue), .init(name: "levels", value: "\(levels)")]
  }
}
