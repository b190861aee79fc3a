#include "cli/table.h"

#include <fmt/format.h>

#include "cli/json.h"

namespace narabi::cli {
namespace {

std::string shown(const Cell& cell, int digits) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* real = std::get_if<double>(&cell)) return fmt::format("{:.{}f}", *real, digits);
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *integer);
  return "";
}

void set(JsonLine& line, const std::string& key, const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) line.set(key.c_str(), *text);
  if (const auto* real = std::get_if<double>(&cell)) line.set(key.c_str(), *real);
  if (const auto* integer = std::get_if<std::int64_t>(&cell))
    line.set_integer(key.c_str(), *integer);
}

}  // namespace

Table::Table(TableFormat format, std::vector<Column> columns)
    : format_(format), columns_(std::move(columns)), output_("-") {
  if (format_ == TableFormat::kJson) return;
  std::vector<std::string> head;
  std::string rule = "|";
  for (const Column& column : columns_) {
    head.push_back(column.title.empty() ? column.key : column.title);
    if (column.width > 0) rule += rule.size() == 1 ? "---|" : "---:|";
  }
  output_.line(line(head));
  if (format_ == TableFormat::kMarkdown) output_.line(rule);
  output_.flush();
}

std::string Table::line(const std::vector<std::string>& cells) const {
  std::string text = format_ == TableFormat::kMarkdown ? "|" : "";
  bool first = true;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (columns_[i].width == 0) continue;
    if (format_ == TableFormat::kMarkdown) {
      text += " " + cells[i] + " |";
    } else {
      text += first ? fmt::format("{:<{}}", cells[i], columns_[i].width)
                    : fmt::format("  {:>{}}", cells[i], columns_[i].width);
    }
    first = false;
  }
  return text;
}

void Table::row(const std::vector<Cell>& cells) {
  if (format_ == TableFormat::kJson) {
    JsonLine json;
    for (std::size_t i = 0; i < cells.size(); ++i) set(json, columns_[i].key, cells[i]);
    output_.line(json.text());
  } else {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < cells.size(); ++i)
      texts.push_back(shown(cells[i], columns_[i].digits));
    output_.line(line(texts));
  }
  output_.flush();
}

void Table::note(const std::string& text) {
  if (format_ == TableFormat::kJson) return;
  if (format_ == TableFormat::kMarkdown && !noted_) output_.line("");
  noted_ = true;
  output_.line(text);
}

void Table::close() {
  output_.close();
}

}  // namespace narabi::cli
