import ArgumentParser
import Aviary

/// What becomes of a table's dates, and of numbers that are made categories of.
struct TablePreparationArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Columns of dates, which become numbers: year, month, day, weekday, and hour and minute where there are any.",
      valueName: "column,..."))
  var dates: String?
  @Option(
    help: ArgumentHelp(
      "How dates are written: iso, month-names, day-first, month-first, or a pattern such as %d.%m.%y (what all of a column's dates are, unless that has two meanings).",
      valueName: "format"))
  var dateFormat: String?
  @Option(
    help: ArgumentHelp(
      "What dates become: year, quarter, month, week, day, weekday, day-of-year, hour, minute, second, days (since 1970).",
      valueName: "part,..."))
  var dateParts: String?
  @Flag(help: "Make what comes again in dates, such as months, points on a circle: their sines and cosines.")
  var cyclicalDates = false
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Replace numbers by the interval that they lie in, one of n.", valueName: "n"))
  var bins: Int?
  @Option(help: ArgumentHelp("Intervals of one width, or with as many rows each (quantile).", valueName: "name"))
  var binStrategy: TableSettings.Binning.Strategy?
  @Option(help: ArgumentHelp("A feature for each interval, or its number (one-hot).", valueName: "name"))
  var binEncoding: TableSettings.Binning.Encoding?
  @Option(help: ArgumentHelp("The columns that are replaced (all of numbers).", valueName: "column,..."))
  var binColumns: String?

  func validate() throws {
    try checkOption("--bins", bins, in: 2...1000)
    if bins == nil {
      for (name, isGiven) in [
        ("--bin-strategy", binStrategy != nil), ("--bin-encoding", binEncoding != nil),
        ("--bin-columns", binColumns != nil),
      ] where isGiven {
        throw ValidationError("\(name) needs --bins")
      }
    }
    if dates == nil {
      for (name, isGiven) in [
        ("--date-format", dateFormat != nil), ("--date-parts", dateParts != nil), ("--cyclical-dates", cyclicalDates),
      ] where isGiven {
        throw ValidationError("\(name) needs --dates")
      }
    }
    for (name, list) in [("--dates", dates), ("--bin-columns", binColumns)] {
      if let list, Self.names(list).contains("") {
        throw ValidationError("\(name) '\(list)': a column is missing; give names divided by commas")
      }
    }
    _ = try parts
    if let format = dateFormat, !DateSettings.isFormat(format) {
      throw ValidationError(
        "--date-format '\(format)' is not possible; give iso, month-names, day-first, month-first, or a pattern such as %d.%m.%Y"
      )
    }
  }

  private static func names(_ list: String) -> [String] {
    list.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
  }

  private var parts: [DatePart]? {
    get throws {
      try dateParts.map { list in
        let parts = try Self.names(list).map { name in
          guard let part = DatePart(argument: name) else {
            throw ValidationError(
              "--date-parts '\(name)' is not known; use \(DatePart.allValueStrings.joined(separator: ", "))")
          }
          return part
        }
        guard Set(parts).count == parts.count else { throw ValidationError("--date-parts \(list): one stands twice") }
        return parts
      }
    }
  }

  func apply(to settings: inout TableSettings) throws {
    if let dates {
      settings.dates = DateSettings(
        columns: Self.names(dates), format: dateFormat, parts: try parts, isCyclical: cyclicalDates)
    }
    if let bins {
      settings.binning = TableSettings.Binning(
        bins: bins, strategy: binStrategy ?? .quantile, encoding: binEncoding ?? .oneHot,
        columns: binColumns.map(Self.names))
    }
  }
}

extension DatePart: OptionWord {}
extension TableSettings.Binning.Strategy: OptionWord {}
extension TableSettings.Binning.Encoding: OptionWord {}
